# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Fine-tunes and evaluates a network.

python -m bit_covid.main --config=configs/demo.py --workdir=runs/demo
"""

from collections.abc import Sequence
import os
import sys

from absl import flags
from absl import logging
import jax
from ml_collections import config_flags

from bit_covid.base import command
from bit_covid.base import host_memory
from bit_covid.cli import absl_command

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
flags.DEFINE_bool('debug', False, 'A traceback with an error.')

_EXAMPLES = (
  '--config=configs/demo.py --workdir=runs/demo',
  'The paper, on all devices:\n'
  '--config=configs/bit_m.py --workdir=runs/bit_m '
  '--config.data.path=COVIDX_FOLDER',
  'What is varied most has a short form, any field a long one:\n'
  '--config=configs/bit_m.py:resolution=256x224,steps=5k --config.batch=32 '
  '--workdir=runs/small',
)
_NOTES = """\
A run that was interrupted goes on when the same command is given again. All
fields are in configs/common.py. --helpfull: all flags, also of libraries."""


def main(argv: Sequence[str] | None = None) -> int:
  """Trains and evaluates as the flags say; returns the exit code."""
  # As `python -m` does, because config files import `configs.common`.
  if os.getcwd() not in sys.path:
    sys.path.insert(0, os.getcwd())
  return absl_command.run(
    _run,
    command.expand_home(sys.argv[1:] if argv is None else argv),
    help_text=_help,
    # The loss is NaN or infinite, although the input is valid.
    failures=(FloatingPointError,),
    stopped='Stopped. The same command goes on from the last checkpoint.',
  )


def _run() -> int:
  config, workdir = _CONFIG.value, _WORKDIR.value
  if config is None or workdir is None:
    raise ValueError(
      f'Give --config=FILE and --workdir=FOLDER; see {_program()} --help.'
    )
  # If the file could not be read, any attribute raises an error that says why.
  config.is_locked  # noqa: B018
  host_memory.keep_freed()  # Before TensorFlow and JAX start their threads.
  # These load TensorFlow, which takes seconds, so they are imported only after
  # the flags have been checked.
  from bit_covid.base import compilation_cache
  from bit_covid.cli import train

  # Orbax logs every file that it writes.
  logging.set_verbosity(logging.WARNING)
  compilation_cache.enable()
  _initialize_hosts()
  train.train_and_report(config, workdir)
  return 0


def _initialize_hosts() -> None:
  """Connects the hosts if the flags say that there are several.

  Raises:
    ValueError: some of the flags are missing. Without them each host would
      train alone and write into the same folder.
  """
  by_hand = (_COORDINATOR.value, _NUM_PROCESSES.value, _PROCESS_ID.value)
  if any(value is not None for value in by_hand):
    if None in by_hand or _DISTRIBUTED.value:
      raise ValueError(
        'Give --coordinator, --num_processes and --process_id together, and '
        'without --distributed.'
      )
    jax.distributed.initialize(*by_hand)
  elif _DISTRIBUTED.value:
    jax.distributed.initialize()


def _program() -> str:
  return command.program('bit_covid.main')


def _help(table_of_flags: str) -> str:
  program = _program()
  return '\n'.join(
    [
      f'usage: {program} --config=FILE --workdir=FOLDER [--config.FIELD=VALUE]',
      '',
      'Fine-tunes a network and evaluates it.',
      '',
      'Flags:',
      table_of_flags,
      '',
      command.epilog(_EXAMPLES, _NOTES) % {'prog': program},
    ]
  )


if __name__ == '__main__':
  sys.exit(main())
