# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Numbers of slices and patients of each split, as in splits.csv of a run.

There is one row for each split and class, with the columns `split`, `class`,
`slices` and `patients`.
"""

from collections.abc import Iterable, Mapping, Sequence
import os

import numpy as np
import pandas as pd

from bit_covid.analysis import predictions

_COLUMNS = {'split': str, 'class': str, 'slices': int, 'patients': int}
# Splits of other names follow.
ORDER = ('train', 'val', 'test')


def count(
  split: str,
  label: np.ndarray,
  patient_id: np.ndarray,
  class_names: Sequence[str],
) -> pd.DataFrame:
  """Returns the rows of a split from labels `[N]` int and ids `[N]` text."""
  rows = [
    (split, name, (label == i).sum(), len(np.unique(patient_id[label == i])))
    for i, name in enumerate(class_names)
  ]
  return pd.DataFrame(rows, columns=list(_COLUMNS))


def of_tables(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
  """Returns the rows of predictions tables by split, which need all labels."""
  return pd.concat(
    count(
      split,
      table['label'].to_numpy(np.int64),
      table['patient_id'].to_numpy(str),
      predictions.class_names(table),
    )
    for split, table in tables.items()
  )


def read(path: str | os.PathLike[str]) -> pd.DataFrame:
  """Returns the rows in a splits.csv.

  Raises:
    ValueError: columns are wrong, a number is not one, or a row occurs twice.
  """
  rows = predictions.read_csv(path, _COLUMNS)
  try:
    if list(rows.columns) != list(_COLUMNS):
      raise ValueError(f'the columns are {list(rows.columns)}')
    if rows.duplicated(['split', 'class']).any():
      raise ValueError('a class of a split occurs twice')
  except ValueError as error:
    raise ValueError(
      f'{path}: {error}; expected {", ".join(_COLUMNS)}, one row for each '
      'split and class. Remove the file, or restore it.'
    ) from error
  return rows


def joined(predicted: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
  """Returns the rows of all splits in order; `predicted` has precedence."""
  others = others[~others['split'].isin(predicted['split'])]
  rows = pd.concat([predicted, others])
  order = ordered(rows['split'])
  return rows.sort_values(
    'split', key=lambda x: x.map(order.index), kind='stable'
  )


def ordered(splits: Iterable[str]) -> list[str]:
  """Returns the distinct names, those of `ORDER` first."""
  names = list(dict.fromkeys(splits))
  return [x for x in ORDER if x in names] + [x for x in names if x not in ORDER]
