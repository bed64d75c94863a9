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
_DISTRIBUTED = flags.DEFINE_bool(
  'distributed',
  False,
  'Several hosts that find each other: a TPU pod, SLURM, Open MPI.',
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
  # TensorFlow comes with it, and takes seconds to load: not before the flags
  # are known to be right.
  from bit_covid import compilation_cache
  from bit_covid import train

  # Orbax reports every file; what a person wants to know is printed.
  logging.set_verbosity(logging.WARNING)
  compilation_cache.enable()
  _initialize_hosts()
  train.train_and_evaluate(_CONFIG.value, _WORKDIR.value)


def _initialize_hosts() -> None:
  """Connects the hosts, if the flags say that there are several.

  Raises:
    app.UsageError: some of the flags are missing; a host that does not know of
      the others would train alone, into the same folder.
  """
  by_hand = (_COORDINATOR.value, _NUM_PROCESSES.value, _PROCESS_ID.value)
  if any(value is not None for value in by_hand):
    if None in by_hand or _DISTRIBUTED.value:
      raise app.UsageError(
        'Give --coordinator, --num_processes and --process_id together, and '
        'without --distributed.'
      )
    jax.distributed.initialize(*by_hand)
  elif _DISTRIBUTED.value:
    jax.distributed.initialize()


def run() -> None:
  """Runs `main`; the console script `bit-covid`."""
  # As `python -m` does: config files import each other from the project's root.
  if os.getcwd() not in sys.path:
    sys.path.insert(0, os.getcwd())
  app.run(main)


if __name__ == '__main__':
  run()
