# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Adds what scans are compared with to a run that has none of it.

bit-covid out-of-distribution runs/bit_m --data=COVIDX_FOLDER

A training adds them at its end; this is for runs of earlier versions.
"""

import argparse
from collections.abc import Sequence
import pathlib
import sys

from bit_covid.base import arguments as arguments_lib
from bit_covid.base import command
from bit_covid.base import lines


def main(argv: Sequence[str] | None = None) -> int:
  """Returns the exit code, after adding the files."""
  parser = command.make_parser(
    'bit_covid.cli.out_of_distribution',
    description='Adds to a run the limits by which predict and app tell scans '
    'that are unlike those of its training, and the patients of val by whom '
    'they tell how often a number was right.',
    examples=('runs/bit_m --data=COVIDX_FOLDER',),
    notes='It writes out_of_distribution.npz and validation_patients.json to '
    'RUN, as a training does.',
  )
  parser.add_argument(
    'workdir',
    metavar='RUN',
    type=pathlib.Path,
    help='work directory of a training',
  )
  arguments_lib.add_data(
    parser, data_help='folder with COVIDx CT; folder or CSV of images'
  )
  words = arguments_lib.FIELDS_AS_FLAGS
  return command.main(parser, _run, argv, words=words)


def _run(arguments: argparse.Namespace) -> int:
  if not (arguments.workdir / 'config.json').is_file():
    raise ValueError(
      f'{arguments.workdir} is no work directory; name that of a training.'
    )
  # After the checks, as it takes seconds to load.
  from bit_covid.cli import add_detector
  from bit_covid.training import run_lock

  with run_lock.hold(arguments.workdir, flag='RUN'):
    paths = add_detector.run(arguments)
  lines.say(f'Added: {", ".join(map(str, paths))}')
  return 0


if __name__ == '__main__':
  sys.exit(main())
