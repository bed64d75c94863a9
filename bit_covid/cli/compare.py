# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Compares two runs on the same slices.

python -m bit_covid.cli.compare runs/bit_s runs/bit_m --split=test

`comparison.py` does the work.
"""

import argparse
from collections.abc import Sequence
import sys

from bit_covid.base import arguments as arguments_lib
from bit_covid.base import command


def main(argv: Sequence[str] | None = None) -> int:
  """Returns the exit code, after printing the comparison."""
  parser = command.make_parser(
    'bit_covid.cli.compare',
    description='Compares two runs on the same slices, B minus A.',
    examples=(
      'runs/bit_s runs/bit_m',
      'predictions_a.csv predictions_b.csv',
      'runs/bit_s runs/bit_m --split=val',
    ),
  )
  for name in ('run_a', 'run_b'):
    parser.add_argument(
      name, metavar=name.upper(), help='work directory or CSV of predictions'
    )
  parser.add_argument('--split', default='test', help='default: test')
  return command.main(parser, _run, argv)


def _run(arguments: argparse.Namespace) -> int:
  arguments_lib.check_exist(
    arguments.run_a,
    arguments.run_b,
    expected='a work directory or a CSV of predictions',
  )
  # After the checks, as it takes seconds to load.
  from bit_covid.cli import comparison

  return comparison.run(arguments)


if __name__ == '__main__':
  sys.exit(main())
