# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Adds a column `split` to a CSV of images, patient by patient.

    python -m bit_covid.cli.split data/images.csv --seed=0

The result is `images_split.csv` beside the CSV, unless --output names another
file.
"""

import argparse
import collections
from collections.abc import Mapping, Sequence
import hashlib
import pathlib
import random
import sys

import numpy as np
import pandas as pd

from bit_covid.base import arguments as arguments_lib
from bit_covid.base import command
from bit_covid.base import csv_file
from bit_covid.base import lines


def split(
  rows: Sequence[Mapping[str, str]], shares: Mapping[str, float], *, seed: int
) -> dict[str, str]:
  """Returns the split of each patient.

  A patient with slices of several classes counts for the rarest of them. The
  patients of a class are divided by the shares, rounded so that every patient
  has a split and every split has a patient.

  Args:
    rows: with `label` and `patient`.
    shares: of each split, above 0; they need not sum to 1.
    seed: of the random division.

  Raises:
    ValueError: a split would have no patient of a class.
  """
  patients = collections.defaultdict(set)
  for row in rows:
    patients[row['label']].add(row['patient'])
  counts = {label: len(found) for label, found in sorted(patients.items())}
  result: dict[str, str] = {}
  # The rarest class first, so that patients of two classes count for it.
  for label in sorted(counts, key=lambda x: (counts[x], x)):
    free = sorted(patients[label] - result.keys())
    # Seeded by class, so that more patients of one class do not change the
    # split of the others.
    digest = hashlib.sha256(f'{seed} {label}'.encode()).digest()
    random.Random(digest).shuffle(free)
    if len(free) >= len(shares):
      numbers = _divide(len(free), list(shares.values()))
      names = np.repeat(list(shares), numbers).tolist()
      result |= zip(free, names, strict=True)
    else:
      placed = patients[label] & result.keys()
      result |= _fill(free, [result[patient] for patient in placed], shares)
  for label, found in patients.items():
    if {result[patient] for patient in found} != shares.keys():
      raise ValueError(_too_few_patients(counts, label, len(shares)))
  return result


def _fill(
  free: Sequence[str], placed: Sequence[str], shares: Mapping[str, float]
) -> dict[str, str]:
  """Returns splits of a few patients, beside those that are `placed`."""
  taken = collections.Counter(placed)
  result = {}
  for patient in free:
    # The split that has the fewest patients of the class for its share.
    result[patient] = min(shares, key=lambda x: taken[x] / shares[x])
    taken[result[patient]] += 1
  return result


def _too_few_patients(
  counts: Mapping[str, int], label: str, num_splits: int
) -> str:
  found = f'The patients by class are {counts}; '
  if counts[label] < num_splits:
    return (
      f'{found}expected at least {num_splits} of each, one for each split, '
      f'which {label!r} has not. Collect more, or give fewer splits.'
    )
  return (
    f'{found}with this seed one of the {num_splits} splits gets none with '
    f'slices of {label!r}. Give another --seed, or fewer splits.'
  )


def _divide(total: int, shares: list[float]) -> np.ndarray:
  """Returns a number of patients for each share; they sum to `total`."""
  exact = total * np.array(shares) / sum(shares)
  numbers = np.maximum(exact.astype(int), 1)
  while numbers.sum() < total:
    numbers[np.argmax(exact - numbers)] += 1
  while numbers.sum() > total:
    # A split with one patient keeps it.
    numbers[np.argmax(np.where(numbers > 1, numbers - exact, -np.inf))] -= 1
  return numbers


def main(argv: Sequence[str] | None = None) -> int:
  """Returns the exit code, after dividing the CSV."""
  parser = command.make_parser(
    'bit_covid.cli.split',
    description='Adds a column split to a CSV of images, patient by patient.',
    examples=(
      'data/images.csv',
      'data/images.csv --shares=train=0.8,test=0.2 --seed=1',
    ),
  )
  parser.add_argument('csv', type=pathlib.Path, help='CSV of images')
  parser.add_argument(
    '--shares',
    default='train=0.7,val=0.1,test=0.2',
    help='of the patients of each class; default: %(default)s',
  )
  arguments_lib.add_seed(parser, 'of the division')
  parser.add_argument(
    '--output', type=pathlib.Path, help='default: <csv>_split.csv beside it'
  )
  return command.main(parser, _run, argv)


def _run(arguments: argparse.Namespace) -> int:
  path = arguments.csv
  places = csv_file.read(path, ('path', 'label', 'patient'), allow_others=True)
  rows = list(places.values())
  if 'split' in rows[0]:
    raise ValueError(
      f'{path}:1: expected no split yet; remove the column split.'
    )
  shares = _shares(arguments.shares)
  _check_names(places, shares)
  chosen = split(rows, shares, seed=arguments.seed)
  rows = [row | {'split': chosen[row['patient']]} for row in rows]
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
  csv_file.write(output, rows)
  _show_counts(pd.DataFrame(rows), list(shares))
  lines.say(f'All: {len(rows):,} slices of {len(chosen):,} patients.')
  lines.say(f'{output} (seed {arguments.seed})')
  return 0


def _check_names(
  places: Mapping[str, Mapping[str, str]], shares: Mapping[str, float]
) -> None:
  # It loads TensorFlow, which takes seconds. `--help` does not wait for it.
  from input_pipeline import names

  labels, patients = {}, {}
  for place, row in places.items():
    labels.setdefault(row['label'], place)
    patients.setdefault(row['patient'], place)
  names.check_names('label', labels)
  # Two forms of one patient could be in two splits.
  names.check_spellings('patient', patients)
  names.check_names('split', dict.fromkeys(shares, '--shares'))


def _show_counts(frame: pd.DataFrame, names: Sequence[str]) -> None:
  """Prints the numbers of slices and patients of each split and class."""
  counts = frame.groupby(['split', 'label'])['patient'].agg(['size', 'nunique'])
  width = frame['label'].str.len().max()
  for name in names:
    for label, slices, patients in counts.loc[name].itertuples():
      lines.say(
        f'{name:8} {label:{width}} {slices:8,} slices {patients:6,} patients'
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
