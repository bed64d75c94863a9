# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The same measures by source, and by country, age and sex where known.

A pooled number hides a source on which the network fails. A group of fewer than
`MIN_PATIENTS` patients is marked as too small to read, and never dropped.
"""

from collections.abc import Iterator
import dataclasses
import os

import numpy as np
import pandas as pd

from bit_covid.analysis import bootstrap
from bit_covid.analysis import metrics
from bit_covid.analysis import predictions

MIN_PATIENTS = 10
UNKNOWN = 'unknown'
# The first year of each band, and its name.
AGE_BANDS = {0: '0-17', 18: '18-39', 40: '40-59', 60: '60-79', 80: '80+'}
_COLUMNS = ('patient id', 'country', 'sex', 'age')


@dataclasses.dataclass(frozen=True)
class Subgroup:
  """The measures of some of the patients of a split.

  Attributes:
    by: 'source', 'country', 'age' or 'sex'.
    name: which of them, `UNKNOWN` where it is not known.
    slices: how many.
    patients: how many of each class, by name.
    num_patients: how many in all.
    intervals: of `bootstrap.intervals`, without areas under curves.
  """

  by: str
  name: str
  slices: int
  patients: dict[str, int]
  num_patients: int
  intervals: dict[str, bootstrap.Interval]

  @property
  def is_small(self) -> bool:
    """Whether there are too few patients to read anything from it."""
    return self.num_patients < MIN_PATIENTS


def read_metadata(path: str | os.PathLike[str]) -> pd.DataFrame:
  """Returns `country`, `age` (a band) and `sex` of the patients in a CSV.

  Args:
    path: a metadata.csv of COVIDx CT; the index of what is returned is its
      column `patient id`.

  Raises:
    ValueError: columns are missing, a patient is there twice, or an age is no
      number; the message says which.
    OSError: the file cannot be read.
  """
  found = pd.read_csv(path, dtype=str, keep_default_na=False)
  missing = [name for name in _COLUMNS if name not in found.columns]
  if missing:
    raise ValueError(
      f'{path}: no column {", ".join(missing)}; expected '
      f'{", ".join(_COLUMNS)}, as in the metadata.csv of COVIDx CT.'
    )
  twice = found['patient id'][found['patient id'].duplicated()]
  if len(twice):
    raise ValueError(
      f'{path}: {len(twice)} patients are there more than once, such as '
      f'{twice.iloc[0]!r}. Keep one row a patient.'
    )
  age = pd.to_numeric(found['age'].replace('', None), errors='coerce')
  wrong = found['age'][age.isna() & (found['age'] != '')]
  if len(wrong):
    raise ValueError(
      f'{path}: {len(wrong)} ages are no number, such as {wrong.iloc[0]!r}. '
      'Give years, or leave the field empty.'
    )
  found = found.set_index('patient id')[['country', 'sex']].replace('', UNKNOWN)
  found.insert(1, 'age', [_band(value) for value in age])
  return found


def measure(
  table: pd.DataFrame,
  metadata: pd.DataFrame | None = None,
  *,
  num_resamples: int = bootstrap.NUM_RESAMPLES,
  seed: int = 0,
) -> list[Subgroup]:
  """Returns all subgroups of a predictions table, the largest of a kind first.

  Args:
    table: a predictions table.
    metadata: of `read_metadata`; None: by source alone.
    num_resamples: of the bootstrap.
    seed: of the bootstrap.

  Raises:
    ValueError: labels, probabilities or patients are missing, or the metadata
      know none of the patients.
  """
  metrics.labelled(table)
  return [
    _subgroup(by, name, part, num_resamples=num_resamples, seed=seed)
    for by, names in _kinds(table, metadata)
    for name, part in _parts(table, names)
  ]


def _band(age: float) -> str:
  if np.isnan(age):
    return UNKNOWN
  return next(
    (name for start, name in reversed(AGE_BANDS.items()) if age >= start),
    UNKNOWN,
  )


def _kinds(
  table: pd.DataFrame, metadata: pd.DataFrame | None
) -> Iterator[tuple[str, pd.Series]]:
  """Yields each kind of subgroup and to which one each slice belongs, `[N]`."""
  yield 'source', table['source'].replace('', UNKNOWN)
  if metadata is None:
    return
  is_known = table['patient_id'].isin(metadata.index)
  if not is_known.any():
    raise ValueError(
      f'The metadata know none of the {table["patient_id"].nunique()} '
      f'patients, such as {table["patient_id"].iloc[0]!r}; they know '
      f'{metadata.index[0]!r}, for instance. Give the metadata of these data.'
    )
  for by in metadata.columns:
    yield by, table['patient_id'].map(metadata[by]).fillna(UNKNOWN)


def _parts(
  table: pd.DataFrame, names: pd.Series
) -> Iterator[tuple[str, pd.DataFrame]]:
  patients = table['patient_id'].groupby(names).nunique()
  bands = list(AGE_BANDS.values())
  # Age bands by age, others by size; what is not known comes last.
  order = sorted(
    patients.index,
    key=lambda x: (
      x == UNKNOWN,
      bands.index(x) if x in bands else -patients[x],
      x,
    ),
  )
  for name in order:
    yield name, table[names == name]


def _subgroup(
  by: str, name: str, table: pd.DataFrame, *, num_resamples: int, seed: int
) -> Subgroup:
  by_class = table['patient_id'].groupby(table['label']).nunique()
  return Subgroup(
    by=by,
    name=name,
    slices=len(table),
    patients={
      class_name: int(by_class.get(i, 0))
      for i, class_name in enumerate(predictions.class_names(table))
    },
    num_patients=table['patient_id'].nunique(),
    intervals=bootstrap.intervals(
      table, num_resamples=num_resamples, seed=seed, with_areas=False
    ),
  )
