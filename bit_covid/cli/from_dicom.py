# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Converts labelled DICOM series to a data set that `image_csv` reads.

    python -m bit_covid.cli.from_dicom series/ --labels=labels.csv \
        --output=data --key=patients.key

Of the patient, only a keyed digest gets into the data. `dicom_to_images.py`
does the work.
"""

import argparse
from collections.abc import Sequence
import pathlib
import sys

from bit_covid.base import arguments as arguments_lib
from bit_covid.base import command


def main(argv: Sequence[str] | None = None) -> int:
  """Returns the exit code, after converting the series."""
  parser = command.make_parser(
    'bit_covid.cli.from_dicom',
    description='Turns DICOM series with labels into PNG images and a CSV.',
    examples=('series/ --labels=labels.csv --output=data --key=patients.key',),
  )
  parser.add_argument('root', type=pathlib.Path, help='folder of the series')
  parser.add_argument(
    '--labels',
    required=True,
    type=pathlib.Path,
    help='CSV with the columns series, label, patient',
  )
  arguments_lib.add_new_folder(parser)
  parser.add_argument(
    '--key',
    required=True,
    type=pathlib.Path,
    help='file of the key for the digests of patients; it is created if it '
    'does not exist. Keep it, and keep it secret',
  )
  parser.add_argument(
    '--window',
    nargs=2,
    type=float,
    metavar=('CENTER', 'WIDTH'),
    help='in Hounsfield units; default: that of COVIDx CT, -600 1500',
  )
  return command.main(parser, _run, argv)


def _run(arguments: argparse.Namespace) -> int:
  arguments_lib.check_new_folder(arguments.output)
  arguments_lib.check_exist(arguments.root, expected='the folder of the series')
  arguments_lib.check_exist(arguments.labels, expected='the CSV of the labels')
  if arguments.key.resolve().is_relative_to(arguments.output.resolve()):
    raise ValueError(
      f'--key={arguments.key} lies in the data folder, and must not be passed '
      'on with the data; name a file outside of it.'
    )
  # After the checks, as it takes seconds to load.
  from bit_covid.cli import dicom_to_images

  return dicom_to_images.run(arguments)


if __name__ == '__main__':
  sys.exit(main())
