# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Evaluates a network on splits of its own data or of others.

bit-covid evaluate runs/bit_m --split=test

`evaluate_splits.py` does the work.
"""

import argparse
from collections.abc import Sequence
import pathlib
import sys

from bit_covid.base import arguments as arguments_lib
from bit_covid.base import command
from bit_covid.base import lines

_EXAMPLES = (
  'runs/bit_m --split=val,test',
  'On your own images, in a CSV or in folders, of which some have a class that '
  'the network calls otherwise:\n'
  'runs/bit_m --data=images.csv --map=fibrosis:CP --box=automatic '
  '--output=runs/elsewhere',
  'The mean of three networks, also of mirrored slices:\n'
  'runs/seed0,runs/seed1,runs/seed2 --flips --output=runs/ensemble',
  'On another version of COVIDx CT:\n'
  'model.npz --dataset=covidx_ct/3a --data=COVIDX_FOLDER --output=runs/3a',
)
_NOTES = """\
It writes predictions/<split>.csv, features, and the numbers in
report/metrics.json.
`bit-covid report OUTPUT` draws the rest."""


def main(argv: Sequence[str] | None = None) -> int:
  """Returns the exit code, after evaluating the checkpoint on the data."""
  parser = command.make_parser(
    'bit_covid.cli.evaluate',
    description='Evaluates a network on splits of its own data or of others: '
    'each slice once, and intervals over patients.',
    examples=_EXAMPLES,
    notes=_NOTES,
  )
  add = parser.add_argument
  add(
    'checkpoint',
    metavar='CHECKPOINT',
    help='work directory of a training, or an .npz file; several with commas '
    'are an ensemble',
  )
  add(
    '--split', default='test', help='one, or several: val,test; default: test'
  )
  add(
    '--output',
    type=pathlib.Path,
    help='folder; default: the work directory, for data of its training',
  )
  add(
    '--dataset', help='such as covidx_ct/2a or image_folder; default: its own'
  )
  arguments_lib.add_data(
    parser,
    data_help='folder with COVIDx CT; folder or CSV of images',
  )
  add(
    '--box',
    choices=('annotated', 'automatic', 'none'),
    help='what slices are cropped to; default: as in the training',
  )
  arguments_lib.add_map(parser)
  arguments_lib.add_flips(parser)
  arguments_lib.add_engine(parser)
  add('--batch', type=int, default=64, help='slices a step; default: 64')
  words = arguments_lib.FIELDS_AS_FLAGS
  return command.main(parser, _run, argv, words=words)


def _run(arguments: argparse.Namespace) -> int:
  output = _output(arguments)
  arguments_lib.check_exist(arguments.data, expected='a folder or a CSV')
  # Not at the top, as `--help` need not wait for it.
  from bit_covid.weights import find

  find.check_checkpoints(arguments.checkpoint)
  # After the checks, as it takes seconds to load.
  from bit_covid.cli import evaluate_splits
  from bit_covid.training import run_lock

  flag = '--output' if arguments.output else 'CHECKPOINT'
  with run_lock.hold(output, flag=flag):
    evaluate_splits.run(arguments, output)
  lines.say(f'Predictions: {output / "predictions"}')
  lines.say(f'Report: bit-covid report {output}')
  return 0


def _output(arguments: argparse.Namespace) -> pathlib.Path:
  if arguments.output is not None:
    return arguments.output.expanduser()
  folder = pathlib.Path(arguments.checkpoint).expanduser()
  for flag, is_given in (
    ('--flips', arguments.flips),
    (f'--engine={arguments.engine}', arguments.engine != 'jax'),
  ):
    if is_given:
      raise ValueError(
        f'The results of the run are without {flag}; give --output=FOLDER, so '
        'that they are kept.'
      )
  if not (folder / 'config.json').is_file():
    problem = 'is no work directory' if folder.exists() else 'does not exist'
    raise ValueError(
      f'{arguments.checkpoint} {problem}, so results cannot be added to it; '
      'name the work directory of a run, or give --output=FOLDER.'
    )
  return folder


if __name__ == '__main__':
  sys.exit(main())
