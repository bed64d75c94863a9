# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The command line of the audit."""

import argparse
from collections.abc import Sequence
import os
import pathlib
import runpy
import sys
from typing import TYPE_CHECKING

from bit_covid.base import command

if TYPE_CHECKING:
  import ml_collections

  from bit_covid.audit import slices

_NOTES = """\
Exit code 1: a check failed. Patients of a CSV are those of its column patient;
images in folders have none, and most checks need them."""


def main(argv: Sequence[str] | None = None) -> int:
  """Audits what the arguments name; returns the exit code."""
  arguments = _parser().parse_args(argv)
  return command.run(
    lambda: _run(arguments),
    debug=arguments.debug,
    words=command.FIELDS_AS_FLAGS,
  )


def _parser() -> argparse.ArgumentParser:
  parser = command.make_parser(
    'bit_covid.audit',
    description='Looks for what would make results on a data set look too '
    'good: patients and images in several splits, classes that go with a '
    'source, with the choice of slices, or with anything but the lungs.',
    examples=(
      'Your own images, in a CSV or in folders:\n'
      'data/images_split.csv --output=audit',
      'COVIDx CT, split files alone, then with the images:\n'
      'covidx_ct/2a --data=COVIDX_FOLDER --lists_only',
      'covidx_ct/2a --data=COVIDX_FOLDER --output=audit',
      'What a config would train on:\nconfigs/demo.py',
    ),
    notes=_NOTES,
  )
  parser.add_argument(
    'dataset',
    metavar='DATASET',
    help='CSV or folder of images, config file, or name such as covidx_ct/2a',
  )
  parser.add_argument('--data', default='', help='folder with COVIDx CT')
  parser.add_argument('--data_dir', default='', help='of prepared datasets')
  parser.add_argument('--image_folder', default='', help='in --data')
  parser.add_argument(
    '--lists_only',
    action='store_true',
    help='of COVIDx CT, the split files in --data and no images',
  )
  parser.add_argument(
    '--max_images',
    type=int,
    default=5000,
    help='how many images are read, drawn at random; default: %(default)s',
  )
  parser.add_argument(
    '--seed', type=int, default=0, help='of all that is drawn; default: 0'
  )
  parser.add_argument(
    '--output', type=pathlib.Path, help='folder for audit.json and audit.html'
  )
  return parser


def _run(arguments: argparse.Namespace) -> int:
  if arguments.max_images < 1:
    raise ValueError(
      f'--max_images={arguments.max_images}; expected 1 or more.'
    )
  found = _read_lists(arguments) if arguments.lists_only else _read(arguments)
  from bit_covid import audit
  from bit_covid.audit import output
  from input_pipeline import body_crop

  findings = audit.audit(
    found,
    body_box=body_crop.body_box,
    max_images=arguments.max_images,
    seed=arguments.seed,
  )
  headline = output.headline(arguments.dataset, found.table)
  output.show(headline, findings)
  if arguments.output:
    facts = {
      'dataset': arguments.dataset,
      'slices': len(found.table),
      'patients': found.table['patient_id'].nunique(),
      'max_images': 0 if arguments.lists_only else arguments.max_images,
      'seed': arguments.seed,
    }
    output.write(arguments.output, headline, findings, facts)
    print(f'Page: {arguments.output / "audit.html"}')
  has_failed = any(each.severity == 'FAILED' for each in findings)
  return command.NOT_DONE if has_failed else 0


def _read_lists(arguments: argparse.Namespace) -> 'slices.Slices':
  """Returns what the split files in --data say."""
  from bit_covid.audit import slices
  from input_pipeline import conventions
  from input_pipeline import covidx_ct
  from input_pipeline.covidx_ct import covidx_ct_dataset_builder

  name, _, version = arguments.dataset.partition('/')
  configs = covidx_ct.Builder.builder_configs
  if name != 'covidx_ct' or version not in configs:
    raise ValueError(
      f'--lists_only goes with {", ".join(f"covidx_ct/{x}" for x in configs)}; '
      f'not with {arguments.dataset}.'
    )
  from etils import epath

  splits = covidx_ct_dataset_builder.read_splits(
    configs[version], epath.Path(arguments.data).expanduser()
  )
  return slices.from_split_files(splits, conventions.COVIDX_CT)


def _read(arguments: argparse.Namespace) -> 'slices.Slices':
  """Returns all slices of the data set with their images."""
  from bit_covid.audit import slices
  import input_pipeline

  return slices.from_examples(
    input_pipeline.load_all_splits(_config(arguments))
  )


def _config(arguments: argparse.Namespace) -> 'ml_collections.ConfigDict':
  """Returns the field `data` of a config for what the arguments name."""
  import ml_collections

  dataset, path = arguments.dataset, arguments.data
  file, _, short_form = dataset.partition(':')
  if file.endswith('.py'):
    # Config files import each other from the project's root.
    if os.getcwd() not in sys.path:
      sys.path.insert(0, os.getcwd())
    config = runpy.run_path(file)['get_config'](short_form or None).data
  else:
    config = ml_collections.ConfigDict(
      {'name': dataset, 'path': '', 'data_dir': '', 'image_folder': ''}
    )
    config.range_16bit = (0, 65_535)
    if pathlib.Path(dataset).expanduser().exists():
      config.name, config.path = 'image_folder', dataset
  for field, value in (
    ('path', path),
    ('data_dir', arguments.data_dir),
    ('image_folder', arguments.image_folder),
  ):
    if value:
      config[field] = value
  return config
