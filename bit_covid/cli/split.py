# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Adds a column `split` to a CSV of images, patient by patient.

    python -m bit_covid.cli.split data/images.csv --seed=0

Where patients are not known, `--group_by=appearance` keeps images together that
look like one scan. The result is `images_split.csv` beside the CSV, unless
--output names another file. Instead of a CSV, a folder that holds a folder of
images for each class will do; the result is `images_split.csv` in it.
"""

import argparse
import collections
from collections.abc import Mapping, Sequence
import functools
import pathlib
import sys

from bit_covid.base import arguments as arguments_lib
from bit_covid.base import command
from bit_covid.base import csv_file
from bit_covid.base import lines
from input_pipeline import names as names_lib
from input_pipeline import patient_split


def main(argv: Sequence[str] | None = None) -> int:
  """Returns the exit code, after dividing the CSV."""
  parser = command.make_parser(
    'bit_covid.cli.split',
    description='Adds a column split to a CSV of images, patient by patient.',
    examples=(
      'data/images.csv',
      'data/images.csv --shares=train=0.8,test=0.2 --seed=1',
      'If patients are not known:\n'
      'data/images.csv --group_by=appearance --correlation=0.9',
      'A folder with one folder of images for each class:\n'
      'data --group_by=appearance',
    ),
  )
  parser.add_argument(
    'csv', type=pathlib.Path, help='CSV of images, or folder of class folders'
  )
  parser.add_argument(
    '--shares',
    default='train=0.7,val=0.1,test=0.2',
    help='of the patients of each class; default: %(default)s',
  )
  parser.add_argument(
    '--group_by',
    choices=('patient', 'appearance'),
    default='patient',
    help='what stays in one split: images of a patient, or images that look '
    'like one scan; default: %(default)s',
  )
  parser.add_argument(
    '--correlation',
    type=float,
    default=0.9,
    help='of neighbours in a group of one appearance; default: %(default)s',
  )
  arguments_lib.add_seed(parser, 'of the division')
  parser.add_argument(
    '--output',
    type=pathlib.Path,
    help='default: <csv>_split.csv beside it, images_split.csv in a folder',
  )
  return command.main(parser, _run, argv)


def _run(arguments: argparse.Namespace) -> int:
  path, by_patient = arguments.csv, arguments.group_by == 'patient'
  places = _read(path, by_patient=by_patient)
  shares = _shares(arguments.shares)
  _check_names(places, shares)
  output = _output(arguments)
  rows = list(places.values())
  divide = functools.partial(
    patient_split.divide, shares=shares, seed=arguments.seed
  )
  # An image of a folder counts as a patient of its own.
  noun = 'patients' if 'patient' in rows[0] else 'images'
  patients = [row.get('patient', row['path']) for row in rows]
  if not by_patient:
    # Only here, as it takes seconds to load.
    from bit_covid.cli import split_by_appearance

    noun = 'groups'
    patients = split_by_appearance.groups(
      output.parent, rows, correlation=arguments.correlation, divide=divide
    )
  units = [
    {'label': row['label'], 'patient': patient}
    for row, patient in zip(rows, patients, strict=True)
  ]
  chosen = divide(units)
  names = [chosen[patient] for patient in patients]
  csv_file.write(
    output, [row | {'split': x} for row, x in zip(rows, names, strict=True)]
  )
  _show_counts(units, names, list(shares), noun)
  lines.say(f'All: {len(rows):,} slices of {len(chosen):,} {noun}.')
  lines.say(f'{output} (seed {arguments.seed})')
  return 0


def _read(path: pathlib.Path, *, by_patient: bool) -> dict[str, dict[str, str]]:
  """Returns the rows of a CSV or the images of a folder, by their place."""
  if path.is_dir():
    # Only here, as it takes seconds to load.
    from input_pipeline import custom_images

    images = custom_images.read_classes(path)
    return {x.place: {'path': x.slice_id, 'label': x.label} for x in images}
  columns = ('path', 'label', 'patient') if by_patient else ('path', 'label')
  places = csv_file.read(path, columns, allow_others=True)
  _check_columns(path, next(iter(places.values())), by_patient=by_patient)
  return places


def _check_columns(
  path: pathlib.Path, row: Mapping[str, str], *, by_patient: bool
) -> None:
  if 'split' in row:
    raise ValueError(
      f'{path}:1: expected no split yet; remove the column split.'
    )
  if 'patient' in row and not by_patient:
    raise ValueError(
      f'{path}:1: it has a column patient, which is better than the appearance;'
      ' leave out --group_by, or remove the column.'
    )


def _output(arguments: argparse.Namespace) -> pathlib.Path:
  path = arguments.csv
  if path.is_dir():
    path /= 'images.csv'
  output = arguments.output or path.with_name(f'{path.stem}_split.csv')
  if output.parent.resolve() != path.parent.resolve():
    raise ValueError(
      f'--output={output} lies in another folder than {path}, to which the '
      'paths are relative; name a file beside it.'
    )
  if output.exists():
    raise ValueError(
      f'{output} exists; remove it, or name another with --output.'
    )
  return output


def _check_names(
  places: Mapping[str, Mapping[str, str]], shares: Mapping[str, float]
) -> None:
  labels, patients = {}, {}
  for place, row in places.items():
    labels.setdefault(row['label'], place)
    patients.setdefault(row.get('patient', ''), place)
  names_lib.check_names('label', labels)
  # Two forms of one patient could be in two splits.
  names_lib.check_spellings('patient', patients)
  names_lib.check_names('split', dict.fromkeys(shares, '--shares'))


def _show_counts(
  units: Sequence[Mapping[str, str]],
  splits: Sequence[str],
  names: Sequence[str],
  noun: str,
) -> None:
  """Prints the numbers of slices and patients of each split and class."""
  patients = collections.defaultdict(list)
  for unit, split_name in zip(units, splits, strict=True):
    patients[split_name, unit['label']].append(unit['patient'])
  width = max(len(label) for _, label in patients)
  for name, label in sorted(patients, key=lambda x: (names.index(x[0]), x[1])):
    found = patients[name, label]
    lines.say(
      f'{name:8} {label:{width}} {len(found):8,} slices '
      f'{len(set(found)):6,} {noun}'
    )


def _shares(text: str) -> dict[str, float]:
  shares = {}
  for part in text.split(','):
    name, _, value = part.partition('=')
    try:
      shares[name] = 0.0 if name in shares else float(value)
    except ValueError:
      shares[name] = 0.0
  if not all(0 < x < float('inf') for x in shares.values()) or '' in shares:
    raise ValueError(
      f'--shares={text}; expected different names and numbers above 0, such '
      'as train=0.7,val=0.1,test=0.2.'
    )
  return shares


if __name__ == '__main__':
  sys.exit(main())
