# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Adds a column `split` to a CSV of images, patient by patient.

    python -m bit_covid.cli.split data/images.csv --seed=0

Where patients are not known, `--group_by=appearance` keeps images together that
look like one scan. The result is `images_split.csv` beside the CSV, unless
--output names another file.
"""

import argparse
from collections.abc import Mapping, Sequence
import functools
import pathlib
import sys

import pandas as pd

from bit_covid.base import arguments as arguments_lib
from bit_covid.base import command
from bit_covid.base import csv_file
from bit_covid.base import lines


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
    ),
  )
  parser.add_argument('csv', type=pathlib.Path, help='CSV of images')
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
    '--output', type=pathlib.Path, help='default: <csv>_split.csv beside it'
  )
  return command.main(parser, _run, argv)


def _run(arguments: argparse.Namespace) -> int:
  # It loads TensorFlow, which takes seconds. `--help` does not wait for it.
  from input_pipeline import patient_split

  path, by_patient = arguments.csv, arguments.group_by == 'patient'
  columns = ('path', 'label', 'patient') if by_patient else ('path', 'label')
  places = csv_file.read(path, columns, allow_others=True)
  _check_columns(path, next(iter(places.values())), by_patient=by_patient)
  shares = _shares(arguments.shares)
  _check_names(places, shares)
  output = _output(arguments)
  rows = list(places.values())
  divide = functools.partial(
    patient_split.divide, shares=shares, seed=arguments.seed
  )
  patients = [row.get('patient', '') for row in rows]
  if not by_patient:
    # It loads TensorFlow, too.
    from bit_covid.cli import split_by_appearance

    patients = split_by_appearance.groups(
      path.parent, rows, correlation=arguments.correlation, divide=divide
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
  noun = 'patients' if by_patient else 'groups'
  _show_counts(pd.DataFrame(units).assign(split=names), list(shares), noun)
  lines.say(f'All: {len(rows):,} slices of {len(chosen):,} {noun}.')
  lines.say(f'{output} (seed {arguments.seed})')
  return 0


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
  # It loads TensorFlow, which takes seconds. `--help` does not wait for it.
  from input_pipeline import names

  labels, patients = {}, {}
  for place, row in places.items():
    labels.setdefault(row['label'], place)
    patients.setdefault(row.get('patient', ''), place)
  names.check_names('label', labels)
  # Two forms of one patient could be in two splits.
  names.check_spellings('patient', patients)
  names.check_names('split', dict.fromkeys(shares, '--shares'))


def _show_counts(frame: pd.DataFrame, names: Sequence[str], noun: str) -> None:
  """Prints the numbers of slices and patients of each split and class."""
  counts = frame.groupby(['split', 'label'])['patient'].agg(['size', 'nunique'])
  width = frame['label'].str.len().max()
  for name in names:
    for label, slices, patients in counts.loc[name].itertuples():
      lines.say(
        f'{name:8} {label:{width}} {slices:8,} slices {patients:6,} {noun}'
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
