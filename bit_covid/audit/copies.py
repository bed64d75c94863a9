# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Finds slices of different splits that look the same, in two steps.

First, `hashes` finds for each slice those slices of other splits that may be
copies of it: flipped, turned and cropped ones, too. Second, the nearest of them
are aligned with it, and their details are compared: see `alignment`.
"""

from concurrent import futures
from typing import NamedTuple

import numpy as np
import pandas as pd
import tqdm

from bit_covid.audit import alignment
from bit_covid.audit import hashes

# Correlation of details from which on two slices look the same.
ALIKE = 0.9

_MOST_FITTED = 4096
_MOST_CANDIDATES = 4
# Slices that are looked up at once.
_CHUNK = 128
# Standard deviation of gray values below which a slice shows nothing. All such
# slices have one hash, so that each would be looked up for each other one.
_FLAT = 2


def find(table: pd.DataFrame, thumbnails: np.ndarray) -> pd.DataFrame:
  """Returns pairs that look the same, the most alike first.

  The two slices of a pair are of different splits, patients and files. Each
  slice is compared with the four whose hashes are nearest to its own.

  Args:
    table: N slices, with `split`, `patient_id` and `digest`.
    thumbnails: `[N, 64, 64]` uint8, of `thumbnails.thumbnail`.

  Returns:
    The columns `first` and `second`, rows of the table in ascending order, and
    `likeness`, the correlation of their details.
  """
  pictures = np.stack([hashes.whole(x) for x in thumbnails])
  rows = np.flatnonzero(pictures.std(axis=(1, 2)) >= _FLAT)
  if not rows.size:
    return pd.DataFrame(columns=['first', 'second', 'likeness'])
  fitted = np.random.default_rng(0).permutation(rows)[:_MOST_FITTED]
  code = hashes.fit(pictures[fitted])
  search = _Search(
    thumbnails,
    code,
    code.bits(pictures),
    *(pd.factorize(table[x])[0] for x in ('patient_id', 'digest')),
  )
  pairs = pd.concat(search.run(rows, table['split'].to_numpy()))
  # Most pairs are found from both sides.
  pairs[['first', 'second']] = np.sort(pairs[['first', 'second']], axis=1)
  pairs = pairs[pairs['likeness'] >= ALIKE].sort_values(
    'likeness', ascending=False, kind='stable'
  )
  return pairs.drop_duplicates(['first', 'second'], ignore_index=True)


class _Search(NamedTuple):
  thumbnails: np.ndarray
  code: hashes.Code
  bits: np.ndarray
  patient: np.ndarray
  file: np.ndarray

  def run(self, rows: np.ndarray, split: np.ndarray) -> list[pd.DataFrame]:
    """Returns the compared pairs of each chunk of rows."""
    tasks = []
    for name in pd.unique(split[rows]):
      own, others = (rows[split[rows] == name], rows[split[rows] != name])
      index = hashes.Index(self.bits[others])
      tasks += [
        (own[start : start + _CHUNK], others, index)
        for start in range(0, len(own), _CHUNK)
      ]
    with futures.ThreadPoolExecutor() as pool:
      comparing = pool.map(lambda task: self.compare(*task), tasks)
      return list(
        tqdm.tqdm(
          comparing, 'Looking for copies', len(tasks), delay=2, disable=None
        )
      )

  def compare(
    self, own: np.ndarray, others: np.ndarray, index: hashes.Index
  ) -> pd.DataFrame:
    """Returns `first`, `second` and `likeness` of the candidates of rows."""
    pairs = self.candidates(own, others, index)
    likeness = [
      # A cut-out of the first was found, so the second lies within the first.
      alignment.likeness(
        hashes.turned_as(self.thumbnails[first], view), self.thumbnails[second]
      )
      for first, second, view in pairs.itertuples(index=False)
    ]
    return pairs.assign(likeness=likeness).drop(columns='view')

  def candidates(
    self, own: np.ndarray, others: np.ndarray, index: hashes.Index
  ) -> pd.DataFrame:
    """Returns `first`, `second` and the `view` of the first that is nearest."""
    views = np.concatenate([hashes.views(self.thumbnails[x]) for x in own])
    found = []
    for query, row, distance in index.near(self.code.bits(views)):
      number, view = np.divmod(query, hashes.NUM_VIEWS)
      first, second = own[number], others[row]
      # Other checks report patients and files that are in several splits.
      is_new = (self.patient[first] != self.patient[second]) & (
        self.file[first] != self.file[second]
      )
      found.append(np.stack([first, second, view, distance])[:, is_new])
    columns = ['first', 'second', 'view', 'distance']
    pairs = pd.DataFrame(np.concatenate(found, axis=1).T, columns=columns)
    pairs = pairs.sort_values('distance', kind='stable')
    pairs = pairs.drop_duplicates(['first', 'second'])
    pairs = pairs.groupby('first').head(_MOST_CANDIDATES)
    return pairs.drop(columns='distance')
