# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Groups of slices that look like one scan, where patients are not known."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.sparse import csgraph

from bit_covid.audit import nearest_picture


def groups(vectors: np.ndarray, levels: Sequence[float]) -> np.ndarray:
  """Returns the number of the group of each slice, `[levels, N]` int64.

  Two slices are in one group of a level if a chain of slices connects them, of
  which neighbours correlate by at least this level.

  Args:
    vectors: `[N, D]`, each of `nearest_picture.vector`.
    levels: correlations; above 1, each slice is a group.
  """
  number = np.tile(np.arange(len(vectors)), [len(levels), 1])
  for start, found in nearest_picture.correlations(vectors, vectors):
    for i, level in enumerate(levels):
      row, column = np.nonzero(found >= level)
      number[i] = _connect(number[i], row + start, column)
  return number


def _connect(
  number: np.ndarray, first: np.ndarray, second: np.ndarray
) -> np.ndarray:
  """Returns groups after connecting the slices `first` and `second`."""
  # A slice of each group stands for it.
  _, member = np.unique(number, return_index=True)
  edges = sparse.coo_array(
    (
      np.ones(len(number) + len(first), bool),
      (
        np.concatenate([np.arange(len(number)), first]),
        np.concatenate([member[number], second]),
      ),
    ),
    shape=(len(number), len(number)),
  )
  return csgraph.connected_components(edges, directed=False)[1]


def curve(
  vectors: np.ndarray,
  label: np.ndarray,
  levels: np.ndarray,
  divide: Callable[[np.ndarray], np.ndarray],
) -> pd.DataFrame:
  """Returns what divisions by several levels of groups are worth, a row each.

  The column `nearest` is the share of slices outside the largest split whose
  most similar slice in it has their class: what can be had without any network.
  It is missing if there are too few groups. The columns `groups` and `largest`
  are the number of groups and the slices of the largest.

  Args:
    vectors: `[N, D]`, each of `nearest_picture.vector`.
    label: `[N]`, the class of each slice.
    levels: `[levels, N]`, of `groups`.
    divide: from the group of each slice to its split, both `[N]`; it raises a
      ValueError if there are too few groups.
  """
  rows = []
  for group in levels:
    sizes = np.bincount(group)
    try:
      accuracy = _nearest_accuracy(vectors, label, divide(group))
    except ValueError:
      accuracy = np.nan
    rows.append((len(sizes), sizes.max(), accuracy))
  return pd.DataFrame(rows, columns=['groups', 'largest', 'nearest'])


def _nearest_accuracy(
  vectors: np.ndarray, label: np.ndarray, split: np.ndarray
) -> float:
  names, counts = np.unique(split, return_counts=True)
  is_known = split == names[counts.argmax()]
  row, _ = nearest_picture.nearest(vectors[~is_known], vectors[is_known])
  return float((label[is_known][row] == label[~is_known]).mean())
