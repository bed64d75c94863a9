# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Whether splits share patients or images."""

from collections.abc import Iterator
import itertools

import numpy as np
import pandas as pd

from bit_covid.analysis import split_counts
from bit_covid.audit import finding
from bit_covid.audit import slices

# Images look the same if their hashes differ in at most this many of 256 bits.
# Slices of two patients differ in 39 or more in COVIDx CT, and in 45 or more if
# drawn; neighbours in a scan differ in 2 or more.
NEAR = 8
# Rows of a split that are compared with all rows of another at once.
_CHUNK = 512
_ONE_SPLIT = finding.Finding('NOT CHECKED', 'There is one split only.')


def patients(table: pd.DataFrame) -> finding.Finding:
  """Returns whether a patient is in more than one split."""
  if table['split'].nunique() < 2:
    return _ONE_SPLIT
  if not slices.knows_patients(table):
    return finding.Finding(
      'NOT CHECKED',
      'Nobody said which slices are of one patient. Give a CSV with a column '
      'patient: without it, a leak cannot be seen.',
    )
  found = _across(table, 'patient_id')
  if not found:
    count = table['patient_id'].nunique()
    return finding.Finding(
      'PASSED', f'Each of the {count:,} patients is in one split.'
    )
  return finding.Finding(
    'FAILED',
    f'{len(found):,} patients are in several splits. Slices of a patient are '
    'nearly alike: results on such splits mean nothing.',
    _by_pair(table, 'patient_id', 'Patients in both'),
    tuple(found),
  )


def images(table: pd.DataFrame) -> finding.Finding:
  """Returns whether an image occurs twice, and in which splits."""
  column, what = 'digest', 'files'
  if not table['digest'].all():
    # No image was read, so only the names can be compared.
    column, what = 'slice_id', 'file names'
  across = _across(table, column)
  if across:
    ids = table['slice_id'][table[column].isin(across)]
    return finding.Finding(
      'FAILED',
      f'{len(across):,} {what} are in several splits: what is tested on was '
      'seen in training.',
      _by_pair(table, column, f'Equal {what}'),
      tuple(ids),
    )
  copies = table[table.duplicated(column, keep=False)]
  if copies.empty:
    return finding.Finding(
      'PASSED', f'All {len(table):,} {what} are different.'
    )
  owners = copies.groupby(column)['patient_id'].nunique()
  of_several = int((owners > 1).sum()) if slices.knows_patients(table) else 0
  text = f'{copies[column].nunique():,} {what} are there more than once'
  if of_several:
    text += f', {of_several:,} of them for more than one patient'
  return finding.Finding(
    'WARNING' if of_several else 'NOTE',
    f'{text}, none in several splits.',
    ids=tuple(copies['slice_id']),
  )


def near_images(table: pd.DataFrame, hashes: np.ndarray) -> finding.Finding:
  """Returns whether images of several splits look the same.

  Args:
    table: N rows, of the images that were read.
    hashes: `[N, 4]` uint64, their `images.thumbnail_hash`.
  """
  if table['split'].nunique() < 2:
    return _ONE_SPLIT
  pairs = list(_near_pairs(table, hashes))
  if not pairs:
    return finding.Finding(
      'PASSED',
      f'No two of {len(table):,} images in different splits look the same.',
    )
  first, second, distance = zip(*pairs, strict=True)
  names = table['slice_id'].to_numpy()
  shown = pd.DataFrame(
    {
      'Slice': names[list(first)],
      'Looks like': names[list(second)],
      'Bits of 256 that differ': distance,
    }
  )
  return finding.Finding(
    'WARNING',
    f'{len(pairs):,} pairs of images, of {len(table):,} in different splits, '
    'are of different patients and look the same: look at them. Copies under '
    'other names would be a leak.',
    shown.sort_values(shown.columns[2], kind='stable').head(20),
    tuple(dict.fromkeys(shown['Slice'])),
  )


def _near_pairs(
  table: pd.DataFrame, hashes: np.ndarray
) -> Iterator[tuple[int, int, int]]:
  """Yields two rows of different splits and patients, and their distance."""
  splits = table['split'].to_numpy()
  patient = table['patient_id'].to_numpy()
  for first, second in itertools.combinations(pd.unique(splits), 2):
    rows = np.flatnonzero(splits == first)
    others = np.flatnonzero(splits == second)
    for start in range(0, len(rows), _CHUNK):
      part = rows[start : start + _CHUNK]
      different = hashes[part][:, np.newaxis] ^ hashes[others][np.newaxis]
      distance = np.bitwise_count(different).sum(axis=2, dtype=np.int64)
      for i, j in np.argwhere(distance <= NEAR):
        # `patients` reports those that are in both splits.
        if patient[part[i]] != patient[others[j]]:
          yield part[i], others[j], int(distance[i, j])


def _across(table: pd.DataFrame, column: str) -> list[str]:
  """Returns the values of a column that occur in several splits."""
  count = table.groupby(column)['split'].nunique()
  return [str(x) for x in count.index[count > 1]]


def _by_pair(table: pd.DataFrame, column: str, heading: str) -> pd.DataFrame:
  """Returns how many values of a column each pair of splits shares."""
  values = {
    split: set(part[column])
    for split, part in table.groupby('split', sort=False)
  }
  rows = [
    (f'{first}, {second}', len(values[first] & values[second]))
    for first, second in itertools.combinations(split_counts.ordered(values), 2)
  ]
  return pd.DataFrame(rows, columns=['Splits', heading])
