# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Adds a column `split` to a CSV of images, patient by patient.

    python -m bit_covid.cli.split data/images.csv --seed=0

All slices of a patient get the same split. The patients of each class are
divided by the given shares. The result is `images_split.csv` beside the CSV,
unless --output names another file.
"""

import argparse
import collections
from collections.abc import Mapping, Sequence
import csv
import hashlib
import pathlib
import random
import sys

from bit_covid.base import command

Rows = Sequence[Mapping[str, str]]


def split(
  rows: Rows, shares: Mapping[str, float], *, seed: int
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
    ValueError: a class has fewer patients than there are splits; the message
      has the number of patients of each class.
  """
  patients: dict[str, set[str]] = {}
  for row in rows:
    patients.setdefault(row['label'], set()).add(row['patient'])
  counts = {label: len(found) for label, found in sorted(patients.items())}
  result: dict[str, str] = {}
  few = []
  # The rarest class first, so that patients of two classes count for it.
  for label in sorted(counts, key=lambda x: (counts[x], x)):
    free = sorted(patients[label] - result.keys())
    if len(free) < len(shares):
      few.append(label)
      continue
    # Seeded by class, so that more patients of one class do not change the
    # split of the others.
    digest = hashlib.sha256(f'{seed} {label}'.encode()).digest()
    random.Random(digest).shuffle(free)
    numbers = _divide(len(free), list(shares.values()))
    for name, number in zip(shares, numbers, strict=True):
      result |= dict.fromkeys(free[:number], name)
      del free[:number]
  if few:
    raise ValueError(_few_patients(counts, few, len(shares)))
  return result


def _few_patients(
  counts: Mapping[str, int], few: Sequence[str], num_splits: int
) -> str:
  return (
    f'The patients by class are {counts}; expected at least {num_splits} of '
    f'each, one for each split, which {", ".join(map(repr, few))} '
    f'{"has" if len(few) == 1 else "have"} not. Collect more, or give fewer '
    'splits.'
  )


def _divide(total: int, shares: list[float]) -> list[int]:
  """Returns integers near the shares, each at least 1, that sum to `total`."""
  exact = [total * share / sum(shares) for share in shares]
  numbers = [max(1, int(x)) for x in exact]
  while sum(numbers) < total:
    lacks = [x - n for x, n in zip(exact, numbers, strict=True)]
    numbers[lacks.index(max(lacks))] += 1
  while sum(numbers) > total:
    # A split with one patient keeps it.
    over = [
      n - x if n > 1 else -float('inf')
      for x, n in zip(exact, numbers, strict=True)
    ]
    numbers[over.index(max(over))] -= 1
  return numbers


def table(rows: Rows, names: Sequence[str]) -> str:
  """Returns a line of text per split and class, with slices and patients."""
  slices, patients = collections.Counter(), collections.defaultdict(set)
  for row in rows:
    key = row['split'], row['label']
    slices[key] += 1
    patients[key].add(row['patient'])
  labels = sorted({row['label'] for row in rows})
  width = max(map(len, labels))
  lines = []
  for name in names:
    for label in labels:
      key = name, label
      lines.append(
        f'{name:8} {label:{width}} {slices[key]:8,} slices '
        f'{len(patients[key]):6,} patients'
      )
  return '\n'.join(lines)


def read(path: pathlib.Path) -> list[dict[str, str]]:
  """Returns the lines of a CSV of images.

  Raises:
    ValueError: a column or value is missing, or there is a column `split`
      already; the message has file and line.
  """
  with path.open(newline='', encoding='utf-8-sig') as file:
    reader = csv.DictReader(file, strict=True)
    names = reader.fieldnames or []
    missing = [x for x in ('path', 'label', 'patient') if x not in names]
    if missing or 'split' in names:
      raise ValueError(
        f'{path}:1: the columns are {names}; expected path, label and patient, '
        'and no split yet.'
      )
    rows = []
    for row in reader:
      if not all(row.get(x) for x in ('path', 'label', 'patient')):
        raise ValueError(
          f'{path}:{reader.line_num}: expected a path, a label and a patient.'
        )
      rows.append(row)
  if not rows:
    raise ValueError(f'{path} lists no image.')
  return rows


def main(argv: Sequence[str] | None = None) -> int:
  """Divides the CSV that the arguments name; returns the exit code."""
  return command.main(_parser(), _run, argv, errors=(csv.Error,))


def _run(arguments: argparse.Namespace) -> int:
  rows = read(arguments.csv)
  shares = _shares(arguments.shares)
  chosen = split(rows, shares, seed=arguments.seed)
  rows = [row | {'split': chosen[row['patient']]} for row in rows]
  output = arguments.output or arguments.csv.with_name(
    f'{arguments.csv.stem}_split.csv'
  )
  if output.parent.resolve() != arguments.csv.parent.resolve():
    raise ValueError(
      f'--output={output} lies in another folder than {arguments.csv}, to '
      'which the paths are relative; name a file beside it.'
    )
  try:
    with output.open('x', newline='', encoding='utf-8') as file:
      writer = csv.DictWriter(file, list(rows[0]), lineterminator='\n')
      writer.writeheader()
      writer.writerows(rows)
  except FileExistsError as error:
    raise ValueError(
      f'{output} exists; remove it, or name another with --output.'
    ) from error
  print(table(rows, list(shares)))
  print(f'{output} (seed {arguments.seed})')
  return 0


def _shares(text: str) -> dict[str, float]:
  shares = {}
  for part in text.split(','):
    name, _, value = part.partition('=')
    try:
      shares[name] = float(value)
    except ValueError:
      shares[name] = 0.0
  if not all(0 < x < float('inf') for x in shares.values()) or '' in shares:
    raise ValueError(
      f'--shares={text}; expected names and numbers above 0, such as '
      'train=0.7,val=0.1,test=0.2.'
    )
  return shares


def _parser() -> argparse.ArgumentParser:
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
  parser.add_argument(
    '--seed', type=int, default=0, help='of the division; default: %(default)s'
  )
  parser.add_argument(
    '--output', type=pathlib.Path, help='default: <csv>_split.csv beside it'
  )
  return parser


if __name__ == '__main__':
  sys.exit(main())
