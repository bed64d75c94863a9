# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Evidence for class activation maps, from two files of a run.

gradcam/energy.csv has one row for each slice, gradcam/randomization.csv one for
each slice, stage and seed. docs/report.md explains both.
"""

from collections.abc import Sequence
import dataclasses
import os

import numpy as np
import pandas as pd

from bit_covid.analysis import interval as interval_lib
from bit_covid.analysis import intervals
from bit_covid.analysis import predictions

ENERGY_COLUMNS = (
  'split',
  'slice_id',
  'patient_id',
  # The names of the true class and of that predicted on the whole slice.
  'class',
  'predicted',
  # 'annotated' or 'automatic'; empty for a slice without a box, whose `inside`
  # and `area` are empty as well.
  'box',
  # Shares from 0 to 1; `inside` is empty if the map is zero everywhere.
  'inside',
  'area',
)
RANDOMIZATION_COLUMNS = (
  'split',
  'slice_id',
  'class',
  # The class of the maps.
  'predicted',
  'seed',
  # In the order of randomization, starting with 'none'.
  'stage',
  # Rank correlation; empty if the original map is zero everywhere.
  'similarity',
)
_NUMBERS = ('inside', 'area', 'seed', 'similarity')


@dataclasses.dataclass(frozen=True)
class Energy:
  """The mean share of a map (`inside`) and of a slice (`area`) in the box.

  The accuracy is that of the predictions on whole slices.
  """

  slices: int
  patients: int
  accuracy: float
  inside: interval_lib.Interval
  area: float


@dataclasses.dataclass(frozen=True)
class Similarity:
  """The similarity of maps of some slices to the original ones at a stage.

  `mean` is over slices and seeds, `low` and `high` are the smallest and largest
  mean over the slices of a single seed.
  """

  mean: float
  low: float
  high: float


def read(
  path: str | os.PathLike[str],
  columns: Sequence[str],
  class_names: Sequence[str],
) -> pd.DataFrame:
  """Returns the table in one of the two files, with NaN for empty numbers.

  Columns are `ENERGY_COLUMNS` or `RANDOMIZATION_COLUMNS`.

  Raises:
    ValueError: the file is damaged; the message says how.
  """
  remedy = 'Train or evaluate again, or remove the file.'
  dtypes = {name: float if name in _NUMBERS else str for name in columns}
  table = predictions.read_csv(path, dtypes)
  if tuple(table.columns) != tuple(columns):
    raise ValueError(
      f'{path}: the columns are {list(table.columns)}; expected '
      f'{list(columns)}. {remedy}'
    )
  unknown = table['class'][~table['class'].isin(class_names)]
  if len(unknown):
    raise ValueError(
      f'{path}: {len(unknown)} rows have a class other than '
      f'{", ".join(class_names)}, such as {unknown.iloc[0]!r}. {remedy}'
    )
  return table


def energy(table: pd.DataFrame, class_names: Sequence[str]) -> Energy:
  """Returns the energy of the rows of energy.csv with a box and a map."""
  table = table.dropna(subset='inside')
  label = pd.Index(class_names).get_indexer(table['class'])
  inside = table['inside'].to_numpy(np.float64)
  return Energy(
    slices=len(table),
    patients=table['patient_id'].nunique(),
    accuracy=float((table['class'] == table['predicted']).mean()),
    inside=intervals.mean_interval(
      table.assign(label=label), inside, largest=1
    ),
    area=float(table['area'].mean()),
  )


def similarity(table: pd.DataFrame) -> dict[str, Similarity]:
  """Returns the similarity by stage, of rows of randomization.csv."""
  result = {}
  for stage, part in table.dropna(subset='similarity').groupby(
    'stage', sort=False
  ):
    by_seed = part.groupby('seed')['similarity'].mean()
    numbers = part['similarity'].mean(), by_seed.min(), by_seed.max()
    result[stage] = Similarity(*map(float, numbers))
  return result
