# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Fine-tunes and evaluates a network.

python -m bit_covid.main --config=configs/demo.py --workdir=runs/demo
"""

from collections.abc import Sequence
import os
import sys

from absl import app
from absl import flags
from absl import logging
import jax
from ml_collections import config_flags

_CONFIG = config_flags.DEFINE_config_file(
  'config', None, 'Config file, such as configs/bit_m.py.', lock_config=True
)
_WORKDIR = flags.DEFINE_string(
  'workdir', None, 'Folder for checkpoints, metrics and predictions.'
)
_COORDINATOR = flags.DEFINE_string(
  'coordinator', None, 'host:port of the first of several hosts.'
)
_NUM_PROCESSES = flags.DEFINE_integer(
  'num_processes', None, 'Number of hosts; with --coordinator.'
)
_PROCESS_ID = flags.DEFINE_integer(
  'process_id', None, 'Number of this host, from 0; with --coordinator.'
)
flags.mark_flags_as_required(['config', 'workdir'])


def main(argv: Sequence[str]) -> None:
  """Trains and evaluates as the flags say."""
  if len(argv) > 1:
    raise app.UsageError(f'Unexpected arguments: {argv[1:]}')
  # Hides the accelerators from TensorFlow, and so comes before JAX's first look
  # at them.
  from bit_covid import train
  import input_pipeline as _  # noqa: F401

  # Orbax reports every file; what a person wants to know is printed.
  logging.set_verbosity(logging.WARNING)

  if _COORDINATOR.value or os.environ.get('TPU_WORKER_HOSTNAMES', '').count(
    ','
  ):
    # The hosts of a TPU pod find each other without arguments.
    jax.distributed.initialize(
      _COORDINATOR.value, _NUM_PROCESSES.value, _PROCESS_ID.value
    )
  train.train_and_evaluate(_CONFIG.value, _WORKDIR.value)


def run() -> None:
  """Runs `main`; the console script `bit-covid`."""
  # As `python -m` does: config files import each other from the project's root.
  if os.getcwd() not in sys.path:
    sys.path.insert(0, os.getcwd())
  app.run(main)


if __name__ == '__main__':
  run()
