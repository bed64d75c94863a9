# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The command line of the report."""

import argparse
from collections.abc import Sequence

from bit_covid.base import arguments as arguments_lib
from bit_covid.base import command
from bit_covid.base import disk
from bit_covid.base import lines


def main(argv: Sequence[str] | None = None) -> int:
  """Returns the exit code, after writing the report that was asked for."""
  return command.main(_parser(), _run, argv)


def _parser() -> argparse.ArgumentParser:
  parser = command.make_parser(
    'bit_covid.report',
    description='Writes the report of a run from its predictions.',
    examples=(
      'runs/bit_m',
      'With subgroups, and the slices that were mistaken:\n'
      'runs/bit_m --metadata=metadata.csv --images=COVIDX_FOLDER/2A_images',
    ),
  )
  parser.add_argument(
    'workdir', metavar='WORKDIR', help='of a run, with predictions in it'
  )
  parser.add_argument(
    '--format',
    choices=('html', 'markdown'),
    default='html',
    help='default: %(default)s',
  )
  parser.add_argument('--metadata', help='metadata.csv of COVIDx CT')
  parser.add_argument('--images', help='folder of the slices, for the gallery')
  parser.add_argument(
    '--prevalence',
    default='23.5,5,1,0.1',
    help='percent, for PPV and NPV; default: %(default)s',
  )
  arguments_lib.add_seed(parser, 'of t-SNE')
  return parser


def _run(arguments: argparse.Namespace) -> int:
  arguments_lib.check_exist(
    arguments.workdir, expected='the work directory of a run'
  )
  disk.check_folder(arguments.workdir, 'WORKDIR', subfolders=('report',))
  prevalences = _shares(arguments.prevalence)
  # After the checks, as it takes seconds to load.
  from bit_covid.report import files
  from bit_covid.report import values

  path = files.write_report(
    arguments.workdir,
    file_format=arguments.format,
    metadata=arguments.metadata,
    images=arguments.images,
    settings=values.Settings(prevalences=prevalences, seed=arguments.seed),
  )
  lines.say(str(path))
  return 0


def _shares(text: str) -> tuple[float, ...]:
  try:
    shares = tuple(float(x) / 100 for x in text.split(','))
  except ValueError:
    shares = ()
  if not shares or not all(0 <= x <= 1 for x in shares):
    raise ValueError(
      f'--prevalence={text}: expected percents from 0 to 100 with commas '
      'between them, such as 23.5,5,1.'
    )
  return shares
