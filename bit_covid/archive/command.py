# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The arguments of `bit-covid archive`; `score_archive` does the work."""

import argparse
from collections.abc import Sequence
from importlib import util

from bit_covid.archive import source
from bit_covid.base import arguments as arguments_lib
from bit_covid.base import command
from bit_covid.base import project

# What the extra `archive` installs.
_PACKAGES = ('cryptography', 'distributed', 'pyarrow')


def main(argv: Sequence[str] | None = None) -> int:
  """Returns the exit code, after scoring an archive."""
  parser = command.make_parser(
    'bit_covid.archive',
    description='Scores all studies of an archive, in several processes. '
    'Research software, not a medical device.',
    examples=(
      'predict EXPORT --checkpoint=runs/bit_m --output=scored --workers=2',
    ),
    notes='It writes the tables of `predict` as Parquet, and no pages.',
  )
  parser.add_argument('action', choices=('predict',), help='what to do')
  parser.add_argument(
    'source',
    metavar='SOURCE',
    help='a folder of studies, or a pattern of files and folders in quotes',
  )
  arguments_lib.add_scoring(parser)
  arguments_lib.add_new_folder(parser)
  parser.add_argument(
    '--workers',
    type=int,
    default=1,
    help='number of processes, each with the network in its memory; default: '
    '%(default)s',
  )
  return command.main(parser, _run, argv)


def _run(arguments: argparse.Namespace) -> int:
  if arguments.workers < 1:
    raise ValueError(f'--workers={arguments.workers}; expected 1 or more.')
  arguments_lib.check_new_folder(arguments.output)
  source.check(arguments.source)
  for name in _PACKAGES:
    if util.find_spec(name) is None:
      raise ValueError(
        f'archive needs the package {name!r}, which is not installed: '
        f'{project.install_command("archive")}'
      )
  # Not at the top, as `--help` need not wait for it.
  from bit_covid.weights import find

  find.check_checkpoints(arguments.checkpoint)
  # After the checks, as it takes seconds to load.
  from bit_covid.archive import score_archive
  from bit_covid.training import run_lock

  with run_lock.hold(arguments.output, flag='--output'):
    return score_archive.run(arguments)
