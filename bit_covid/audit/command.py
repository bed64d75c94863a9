# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The command line of the audit."""

import argparse
from collections.abc import Sequence
import pathlib

from bit_covid.base import arguments as arguments_lib
from bit_covid.base import command
from bit_covid.base import disk

_NOTES = """\
Exit code 1: a check failed. Patients of a CSV are those of its column patient;
images in folders have none, and most checks need them."""


def main(argv: Sequence[str] | None = None) -> int:
  """Returns the exit code after an audit of what the arguments name."""
  return command.main(
    _parser(), _run, argv, words=arguments_lib.FIELDS_AS_FLAGS
  )


def _parser() -> argparse.ArgumentParser:
  parser = command.make_parser(
    'bit_covid.audit',
    description='Looks for what would make results on a data set look too '
    'good: patients and images in several splits, classes that go with a '
    'source, with the choice of slices, or with anything but the lungs; and '
    'for what the results of a trained network rest on.',
    examples=(
      'Your own images, in a CSV or in folders:\n'
      'data/images_split.csv --output=audit',
      'COVIDx CT, split files alone, then with the images:\n'
      'covidx_ct/2a --data=COVIDX_FOLDER --lists_only',
      'covidx_ct/2a --data=COVIDX_FOLDER --output=audit',
      'What a config would train on, and the network of its run:\n'
      'demo --run=runs/demo',
      'The same network on data of other hospitals:\n'
      'images.csv --run=runs/mine --external=OTHER_FOLDER --map=fibrosis:CP',
    ),
    notes=_NOTES,
  )
  parser.add_argument(
    'dataset',
    metavar='DATASET',
    help='CSV or folder of images; config, such as demo or mine.py; or name, '
    'such as covidx_ct/2a',
  )
  arguments_lib.add_data(parser)
  parser.add_argument(
    '--run',
    type=pathlib.Path,
    help='work directory of a run on these data, whose network is audited too; '
    '--output is then RUN/audit by default',
  )
  parser.add_argument(
    '--external',
    action='append',
    default=[],
    metavar='DATA',
    help='with --run, also judge the network on all slices of another data '
    'set, a CSV or folder; may be repeated',
  )
  arguments_lib.add_map(parser)
  parser.add_argument(
    '--random_labels',
    action='store_true',
    help='with --run, also train a small network on labels shuffled among the '
    'patients, which takes a few minutes',
  )
  parser.add_argument(
    '--lists_only',
    action='store_true',
    help='of COVIDx CT, the split files in --data and no images',
  )
  parser.add_argument(
    '--max_images',
    type=int,
    default=0,
    help='read so many images at most, drawn at random; default: 0, all, and '
    '5,000 for each check of a network',
  )
  parser.add_argument(
    '--seed', type=int, default=0, help='of all that is drawn; default: 0'
  )
  parser.add_argument(
    '--output', type=pathlib.Path, help='folder for audit.json and audit.html'
  )
  return parser


def _run(arguments: argparse.Namespace) -> int:
  if arguments.max_images < 0:
    raise ValueError(
      f'--max_images={arguments.max_images}; expected 1 or more, or 0 for all.'
    )
  for name in ('random_labels', 'external', 'map'):
    if getattr(arguments, name) and arguments.run is None:
      raise ValueError(f'--{name} goes with --run; name a run, or leave it.')
  if arguments.map and not arguments.external:
    raise ValueError(
      '--map goes with --external; name other data, or leave it.'
    )
  if arguments.run is not None:
    if arguments.lists_only:
      raise ValueError(
        '--run needs the images; leave out --lists_only, or --run.'
      )
    if not (arguments.run / 'config.json').is_file():
      raise ValueError(
        f'--run={arguments.run} is no work directory; name that of a training.'
      )
    arguments.output = arguments.output or arguments.run / 'audit'
  if arguments.external:  # Of which the ledger gets a line.
    disk.check_folder(arguments.run, '--run')
  if arguments.output is not None:
    disk.check_folder(arguments.output, '--output')
  # TensorFlow takes seconds to load, so it is not loaded before the arguments
  # are known to be right.
  from bit_covid.audit import audit_dataset

  return audit_dataset.run(arguments)
