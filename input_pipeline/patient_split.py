# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Divides patients among splits, class by class."""

import collections
from collections.abc import Mapping, Sequence
import hashlib
import random

import numpy as np


def divide(
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
