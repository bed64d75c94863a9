# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The command line of `bit-covid leave-out`."""

import argparse
from collections.abc import Sequence
import os
import pathlib

from absl import logging

from bit_covid.base import arguments as arguments_lib
from bit_covid.base import command
from bit_covid.base import disk

_NOTES = """\
The runs lie in RUN/leave_out, beside leave_one_out.html and .json; bit-covid
audit shows the same table. Runs that are finished are not repeated, interrupted
ones go on. Several machines with a shared disk may be given the same command.
"""


def main(argv: Sequence[str] | None = None) -> int:
  """Returns the exit code after the trainings that the arguments ask for."""
  return command.main(
    _parser(),
    _run,
    argv,
    words=arguments_lib.FIELDS_AS_FLAGS,
    stopped='Stopped. The same command goes on from here.',
  )


def _parser() -> argparse.ArgumentParser:
  parser = command.make_parser(
    'bit_covid.leave_out',
    description='Trains a network again without the patients of each source in '
    'turn, or without those of any other kind, and compares it with the run on '
    'all of them on the same slices of test.',
    examples=(
      'What it would cost, and nothing else:\n'
      'runs/bit_m --data=COVIDX_FOLDER --dry_run',
      'Without each source of your own images:\nruns/own --data=images.csv',
      'Without the patients of COVIDx CT whose slices a network chose:\n'
      'runs/bit_m --data=COVIDX_FOLDER --by="slice selection=Automatic" '
      '--metadata=metadata.csv',
    ),
    notes=_NOTES.rstrip(),
  )
  parser.add_argument(
    'run', metavar='RUN', type=pathlib.Path, help='work directory of a training'
  )
  parser.add_argument(
    '--by',
    default='source',
    metavar='COLUMN[=VALUE]',
    help='source: each in turn; otherwise who is left out; default: source',
  )
  parser.add_argument(
    '--metadata',
    default='',
    help='CSV with the column of --by, and a row for each "patient id"',
  )
  arguments_lib.add_data(
    parser, data_help='folder with COVIDx CT; folder or CSV of images'
  )
  parser.add_argument(
    '--dry_run',
    action='store_true',
    help='show what is left and what it costs, and stop',
  )
  return parser


def _run(arguments: argparse.Namespace) -> int:
  arguments_lib.check_exist(
    arguments.run, expected='the work directory of a training'
  )
  column, separator, value = arguments.by.partition('=')
  is_whole = column and value if separator else column == 'source'
  if not is_whole:
    raise ValueError(
      f'--by={arguments.by}; expected source, or COLUMN=VALUE such as "slice '
      'selection=Automatic".'
    )
  if (column != 'source') != bool(arguments.metadata):
    raise ValueError(
      f'--by={arguments.by} goes {"without" if arguments.metadata else "with"} '
      '--metadata; sources are those of the slices, all else stands in a CSV.'
    )
  if arguments.metadata:
    # Runs may go on from another folder.
    path = os.path.abspath(os.path.expanduser(arguments.metadata))
    arguments.metadata = path
  disk.check_folder(arguments.run / 'leave_out', 'RUN', subfolders=('runs',))
  # Not at the top, as `--help` need not wait for it.
  from bit_covid.base import host_memory

  host_memory.keep_freed()  # Before TensorFlow and JAX start their threads.
  # After the checks, as it takes seconds to load.
  from bit_covid.base import compilation_cache
  from bit_covid.leave_out import session

  logging.set_verbosity(logging.WARNING)
  compilation_cache.enable()
  return session.run(arguments)
