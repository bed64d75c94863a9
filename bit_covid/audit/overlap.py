# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Whether splits share patients or images."""

import itertools

import numpy as np
import pandas as pd

from bit_covid.audit import finding
from bit_covid.audit import slices

# Bits of 256 in which the thumbnails of two images may differ. Slices of two
# patients of COVIDx CT differ in 39 or more, drawn ones in 45; neighbours in a
# scan in 2 or more.
NEAR = 8
# Rows of one split that are compared with all of another at once.
_CHUNK = 512


def patients(table: pd.DataFrame) -> finding.Finding:
  """Returns whether a patient is in more than one split."""
  name = 'Patients in several splits'
  if table['split'].nunique() < 2:
    return finding.Finding(name, 'NOT CHECKED', 'There is one split only.')
  if not slices.knows_patients(table):
    return finding.Finding(
      name,
      'NOT CHECKED',
      'Nobody said which slices are of one patient. Give a CSV with a column '
      'patient: without it, a leak cannot be seen.',
    )
  found = _shared(table, 'patient_id')
  if not found:
    count = table['patient_id'].nunique()
    return finding.Finding(
      name, 'PASSED', f'Each of the {count:,} patients is in one split.'
    )
  return finding.Finding(
    name,
    'FAILED',
    f'{len(found):,} patients are in several splits. Slices of a patient are '
    'nearly alike: results on such splits mean nothing.',
    _by_pair(table, 'patient_id', 'Patients in both'),
    tuple(found),
  )


def images(table: pd.DataFrame) -> finding.Finding:
  """Returns whether the very same image is there twice, and where."""
  name = 'Equal images'
  column, what = 'digest', 'files'
  if not table['digest'].all():
    # No image was read: a name is all that can be there twice.
    column, what = 'slice_id', 'file names'
  split_sets = table.groupby(column)['split'].nunique()
  across = list(split_sets.index[split_sets > 1])
  if across:
    ids = table['slice_id'][table[column].isin(across)]
    return finding.Finding(
      name,
      'FAILED',
      f'{len(across):,} {what} are in several splits: what is tested on was '
      'seen in training.',
      _by_pair(table, column, f'Equal {what}'),
      tuple(ids),
    )
  copies = table[table.duplicated(column, keep=False)]
  if copies.empty:
    return finding.Finding(
      name, 'PASSED', f'All {len(table):,} {what} are different.'
    )
  owners = copies.groupby(column)['patient_id'].nunique()
  of_several = int((owners > 1).sum()) if slices.knows_patients(table) else 0
  text = f'{copies[column].nunique():,} {what} are there more than once'
  if of_several:
    text += f', {of_several:,} of them for more than one patient'
  return finding.Finding(
    name,
    'WARNING' if of_several else 'NOTE',
    f'{text}, none in several splits.',
    ids=tuple(copies['slice_id']),
  )


def near_images(table: pd.DataFrame, hashes: np.ndarray) -> finding.Finding:
  """Returns whether images of several splits look the same.

  Args:
    table: of the images that were read.
    hashes: `[N, 4]` uint64, of `images.thumbnail_hash`, in its order.
  """
  name = 'Images that look the same'
  pairs = []
  splits = table['split'].to_numpy()
  patient = table['patient_id'].to_numpy()
  for first, second in itertools.combinations(pd.unique(splits), 2):
    rows, others = np.flatnonzero(splits == first), splits == second
    others = np.flatnonzero(others)
    for start in range(0, len(rows), _CHUNK):
      part = rows[start : start + _CHUNK]
      different = hashes[part][:, np.newaxis] ^ hashes[others][np.newaxis]
      distance = np.bitwise_count(different).sum(axis=2, dtype=np.int64)
      for i, j in np.argwhere(distance <= NEAR):
        # Patients in both splits are counted elsewhere.
        if patient[part[i]] != patient[others[j]]:
          pairs.append((part[i], others[j], int(distance[i, j])))
  if table['split'].nunique() < 2:
    return finding.Finding(name, 'NOT CHECKED', 'There is one split only.')
  compared = f'{len(table):,} images, each with those of the other splits'
  if not pairs:
    return finding.Finding(
      name, 'PASSED', f'None of {compared}: a copy under another name.'
    )
  shown = pd.DataFrame(
    [
      (table['slice_id'].iloc[i], table['slice_id'].iloc[j], distance)
      for i, j, distance in pairs
    ],
    columns=['Slice', 'Looks like', 'Bits of 256 that differ'],
  )
  return finding.Finding(
    name,
    'WARNING',
    f'{len(pairs):,} pairs of {compared}, are of different patients and look '
    'the same: look at them. Copies under other names would be a leak.',
    shown.sort_values(shown.columns[2], kind='stable').head(20),
    tuple(dict.fromkeys(shown['Slice'])),
  )


def _shared(table: pd.DataFrame, column: str) -> list[str]:
  count = table.groupby(column)['split'].nunique()
  return [str(x) for x in count.index[count > 1]]


def _by_pair(table: pd.DataFrame, column: str, heading: str) -> pd.DataFrame:
  """Returns how much each pair of splits shares."""
  values = {
    split: set(part[column])
    for split, part in table.groupby('split', sort=False)
  }
  rows = [
    (f'{first}, {second}', len(values[first] & values[second]))
    for first, second in itertools.combinations(slices.ordered(values), 2)
  ]
  return pd.DataFrame(rows, columns=['Splits', heading])
