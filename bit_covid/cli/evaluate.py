# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Evaluates a network on splits of its own data or of others.

    bit-covid evaluate runs/bit_m --split=test
    bit-covid evaluate runs/bit_m --dataset=image_folder --data=own.csv \
        --output=runs/bit_m_elsewhere

`evaluate_splits.py` does the work.
"""

import argparse
from collections.abc import Sequence
import pathlib
import sys

from bit_covid.base import arguments as arguments_lib
from bit_covid.base import command


def main(argv: Sequence[str] | None = None) -> int:
  """Evaluates the checkpoint on the data; returns the exit code."""
  return command.main(
    _parser(), _run, argv, words=arguments_lib.FIELDS_AS_FLAGS
  )


def _parser() -> argparse.ArgumentParser:
  parser = command.make_parser(
    'bit_covid.cli.evaluate',
    description='Evaluates a network on splits of its own data or of others: '
    'each slice once, and intervals over patients.',
    examples=(
      'runs/bit_m --split=val,test',
      'On your own images, in a CSV:\n'
      'runs/bit_m --dataset=image_folder --data=images.csv --box=automatic '
      '--output=runs/elsewhere',
      'On another version of COVIDx CT:\n'
      'model.npz --dataset=covidx_ct/3a --data=COVIDX_FOLDER '
      '--output=runs/3a',
    ),
    notes='It writes predictions/<split>.csv, features, and the numbers in '
    'report/metrics.json.\n`bit-covid report OUTPUT` draws the rest.',
  )
  parser.add_argument(
    'checkpoint',
    metavar='CHECKPOINT',
    help='work directory of a training, or an .npz file',
  )
  parser.add_argument(
    '--split', default='test', help='one, or several: val,test; default: test'
  )
  parser.add_argument(
    '--output',
    type=pathlib.Path,
    help='folder; default: the work directory, for data of its training',
  )
  parser.add_argument(
    '--dataset', help='such as covidx_ct/2a or image_folder; default: its own'
  )
  arguments_lib.add_data(
    parser, data_help='folder with COVIDx CT; folder or CSV of images'
  )
  parser.add_argument(
    '--box',
    choices=('annotated', 'automatic', 'none'),
    help='what slices are cropped to; default: as in the training',
  )
  parser.add_argument(
    '--batch', type=int, default=64, help='slices a step; default: %(default)s'
  )
  arguments_lib.add_replicates(parser)
  return parser


def _run(arguments: argparse.Namespace) -> int:
  output = _output(arguments)
  # JAX and TensorFlow take seconds to load, so they are not loaded before the
  # arguments are known to be right.
  from bit_covid.cli import evaluate_splits

  evaluate_splits.run(arguments, output)
  print(f'Predictions: {output / "predictions"}')
  print(f'Report: bit-covid report {output}')
  return 0


def _output(arguments: argparse.Namespace) -> pathlib.Path:
  """Returns the folder of the results.

  Raises:
    ValueError: --output is missing, and the checkpoint is no work directory.
  """
  if arguments.output is not None:
    return arguments.output.expanduser()
  folder = pathlib.Path(arguments.checkpoint).expanduser()
  if not (folder / 'config.json').is_file():
    raise ValueError(
      f'{arguments.checkpoint} is no work directory to which results could be '
      'added; give --output=FOLDER.'
    )
  return folder


if __name__ == '__main__':
  sys.exit(main())
