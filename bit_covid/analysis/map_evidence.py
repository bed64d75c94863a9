# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What speaks for class activation maps, from the files that a run leaves.

gradcam/energy.csv, a row a slice: how much of the map of the whole slice lies
in the body's box, and how much of the slice the box covers, which a map without
any preference would have in it.

gradcam/randomization.csv, a row a slice, stage and seed: how like the original
a map is after the network was randomized down to that stage.
"""

from collections.abc import Sequence
import dataclasses
import os

from etils import epath
import numpy as np
import pandas as pd

from bit_covid.analysis import bootstrap

ENERGY_COLUMNS = (
  'split',
  'slice_id',
  'patient_id',
  # The true one, and the one that is predicted on the whole slice, by name.
  'class',
  'predicted',
  # 'annotated' or 'automatic'; empty where the slice has none, and then
  # `inside` and `area` are, too.
  'box',
  # Shares from 0 to 1; `inside` is empty where the map is zero everywhere.
  'inside',
  'area',
)
RANDOMIZATION_COLUMNS = (
  'split',
  'slice_id',
  'class',
  # Of which class the maps are.
  'predicted',
  'seed',
  # In the order of randomization, from 'none' on.
  'stage',
  # Rank correlation; empty where the original map is zero everywhere.
  'similarity',
)
_NUMBERS = ('inside', 'area', 'seed', 'similarity')


@dataclasses.dataclass(frozen=True)
class Energy:
  """How much of the maps of some slices lies in the box.

  Attributes:
    slices: how many.
    patients: how many.
    accuracy: the share of slices whose class is predicted on the whole slice.
    inside: the mean share of a map in its box, with its interval.
    area: the mean share of a slice in its box.
  """

  slices: int
  patients: int
  accuracy: float
  inside: bootstrap.Interval
  area: float


@dataclasses.dataclass(frozen=True)
class Similarity:
  """How like the original maps of some slices are at a stage.

  Attributes:
    mean: over slices and seeds.
    low: the smallest mean over the slices, of all seeds.
    high: the largest one.
  """

  mean: float
  low: float
  high: float


def read(
  path: str | os.PathLike[str],
  columns: Sequence[str],
  class_names: Sequence[str],
) -> pd.DataFrame:
  """Returns the table in one of the two files; an empty number is NaN.

  Args:
    path: of the file.
    columns: `ENERGY_COLUMNS` or `RANDOMIZATION_COLUMNS`.
    class_names: that the column `class` may hold.

  Raises:
    ValueError: the file is damaged; the message says how.
  """
  remedy = 'Train or evaluate again, or remove the file.'
  try:
    with epath.Path(path).open() as file:
      table = pd.read_csv(
        file,
        dtype={x: float if x in _NUMBERS else str for x in columns},
        keep_default_na=False,
        na_values={x: [''] for x in _NUMBERS},
      )
    if tuple(table.columns) != tuple(columns):
      raise ValueError(
        f'the columns are {list(table.columns)}; expected {list(columns)}'
      )
  except ValueError as error:
    raise ValueError(f'{path}: {error}. {remedy}') from error
  unknown = table['class'][~table['class'].isin(class_names)]
  if len(unknown):
    raise ValueError(
      f'{path}: {len(unknown)} rows are of no class of the predictions '
      f'({", ".join(class_names)}), such as {unknown.iloc[0]!r}. {remedy}'
    )
  return table


def energy(
  table: pd.DataFrame,
  class_names: Sequence[str],
  *,
  num_resamples: int = bootstrap.NUM_RESAMPLES,
  seed: int = 0,
) -> Energy:
  """Returns the energy of the rows of energy.csv that have box and map.

  Raises:
    ValueError: ids of patients are missing, or there are no num_resamples.
  """
  table = table[~table['inside'].isna()]
  numbers = {name: i for i, name in enumerate(class_names)}
  found = bootstrap.mean_intervals(
    table.assign(label=table['class'].map(numbers).astype(int)),
    {'inside': table['inside'].to_numpy(np.float64)},
    num_resamples=num_resamples,
    seed=seed,
  )
  return Energy(
    slices=len(table),
    patients=table['patient_id'].nunique(),
    accuracy=float((table['class'] == table['predicted']).mean()),
    inside=found['inside'],
    area=float(table['area'].mean()),
  )


def similarity(table: pd.DataFrame) -> dict[str, Similarity]:
  """Returns the similarity of rows of randomization.csv, by stage in order."""
  table = table[~table['similarity'].isna()]
  result = {}
  for stage, part in table.groupby('stage', sort=False):
    by_seed = part.groupby('seed')['similarity'].mean()
    result[stage] = Similarity(
      mean=float(part['similarity'].mean()),
      low=float(by_seed.min()),
      high=float(by_seed.max()),
    )
  return result
