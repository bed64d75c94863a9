# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Whether splits share patients or images."""

import itertools

import numpy as np
import pandas as pd

from bit_covid.analysis import predictions
from bit_covid.analysis import split_counts
from bit_covid.audit import copies
from bit_covid.audit import finding

_MOST_SHOWN = 20
_ONE_SPLIT = finding.Finding('NOT CHECKED', 'There is one split only.')


def patients(table: pd.DataFrame) -> finding.Finding:
  """Returns whether a patient is in more than one split."""
  if table['split'].nunique() < 2:
    return _ONE_SPLIT
  if not predictions.knows_patients(table):
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
  of_several = (
    int((owners > 1).sum()) if predictions.knows_patients(table) else 0
  )
  text = f'{copies[column].nunique():,} {what} are there more than once'
  if of_several:
    text += f', {of_several:,} of them for more than one patient'
  return finding.Finding(
    'WARNING' if of_several else 'NOTE',
    f'{text}, none in several splits.',
    ids=tuple(copies['slice_id']),
  )


def look_alikes(
  table: pd.DataFrame, thumbnails: np.ndarray, *, unread: int = 0
) -> finding.Finding:
  """Returns whether images of several splits look the same.

  Args:
    table: N rows, of the images that were read.
    thumbnails: `[N, 64, 64]` uint8, of `images.measure`.
    unread: number of images that were not read.
  """
  if table['split'].nunique() < 2:
    return _ONE_SPLIT
  pairs = copies.find(table, thumbnails)
  unseen = ''
  if unread:
    unseen = (
      f' Not seen: {unread:,} of {len(table) + unread:,} images, which '
      '--max_images left out.'
    )
  if pairs.empty:
    return finding.Finding(
      'NOT CHECKED' if unread else 'PASSED',
      f'No two of {len(table):,} images in different splits look the same.'
      + unseen,
    )
  rows = pairs[['first', 'second']].to_numpy()
  names = table['slice_id'].to_numpy()[rows]
  shown = pd.DataFrame(
    {
      'Slice': names[:, 0],
      'Looks like': names[:, 1],
      'Correlation': [f'{x:.3f}' for x in pairs['likeness']],
    }
  )
  owners = 'are of different patients'
  if not predictions.knows_patients(table):
    owners = 'may be of one scan, as patients are not known'
  return finding.Finding(
    'WARNING',
    f'{len(pairs):,} pairs of images in different splits, of '
    f'{len(np.unique(rows)):,} among {len(table):,} images, look the same and '
    f'{owners}. Look at them: if they are copies, the test split was seen in '
    f'training.{unseen}',
    shown.head(_MOST_SHOWN),
    tuple(dict.fromkeys(names.ravel())),
  )


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
