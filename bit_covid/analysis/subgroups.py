# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The measures by source, and by country, age and sex where known.

A pooled number hides a source on which the network fails. A group of fewer than
`MIN_PATIENTS` patients is marked as too small to read, but never left out.
"""

import os
from typing import NamedTuple

import numpy as np
import pandas as pd

from bit_covid.analysis import bootstrap
from bit_covid.analysis import metrics
from bit_covid.analysis import predictions

MIN_PATIENTS = 10
UNKNOWN = 'unknown'
# The first year of each band, and its name.
AGE_BANDS = {0: '0-17', 18: '18-39', 40: '40-59', 60: '60-79', 80: '80+'}
_BANDS = list(AGE_BANDS.values())
_COLUMNS = ('patient id', 'country', 'sex', 'age')


class Subgroup(NamedTuple):
  """The measures of the patients of a split that share a value, `name`.

  `by` is 'source', 'country', 'age' or 'sex'. The measures are without areas
  under curves. A small group has too few patients to draw conclusions.
  """

  by: str
  name: str
  slices: int
  patients: int
  patients_by_class: dict[str, int]
  is_small: bool
  measures: dict[str, bootstrap.Interval]


def read_metadata(path: str | os.PathLike[str]) -> pd.DataFrame:
  """Returns `country`, `age` (a band) and `sex` of the patients in a CSV.

  The file is a metadata.csv of COVIDx CT; `patient id` becomes the index.

  Raises:
    ValueError: a column is missing, a patient occurs twice, or an age is not a
      number; the message says which.
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
      f'{path}: {len(twice)} patients occur more than once, such as '
      f'{twice.iloc[0]!r}. Keep one row for each patient.'
    )
  age = pd.to_numeric(found['age'].replace('', None), errors='coerce')
  wrong = found['age'][age.isna() & (found['age'] != '')]
  if len(wrong):
    raise ValueError(
      f'{path}: {len(wrong)} ages are not numbers, such as {wrong.iloc[0]!r}. '
      'Give years, or leave the field empty.'
    )
  found = found.set_index('patient id')[['country', 'sex']].replace('', UNKNOWN)
  bands = pd.cut(age, [*AGE_BANDS, np.inf], right=False, labels=_BANDS)
  found.insert(1, 'age', bands.astype(object).fillna(UNKNOWN).to_list())
  return found


def patients_by_class(table: pd.DataFrame) -> dict[str, int]:
  """Returns the number of patients of each class, by its name."""
  found = table['patient_id'].groupby(table['label']).nunique()
  return {
    name: int(found.get(i, 0))
    for i, name in enumerate(predictions.class_names(table))
  }


def known(table: pd.DataFrame, metadata: pd.DataFrame) -> int:
  """Returns how many patients of a table the metadata hold."""
  return int(table['patient_id'].drop_duplicates().isin(metadata.index).sum())


def measure(
  table: pd.DataFrame,
  metadata: pd.DataFrame | None = None,
  *,
  resamples: bootstrap.Resamples = bootstrap.RESAMPLES,
) -> list[Subgroup]:
  """Returns all subgroups of a predictions table.

  Within a kind, age bands are sorted by age and others by falling size. Without
  metadata, those of `read_metadata`, there are only subgroups by source.
  """
  metrics.labelled(table)
  result = []
  for by, names in _kinds(table, metadata).items():
    for name in _ordered(table['patient_id'].groupby(names).nunique()):
      part = table[names == name]
      patients = part['patient_id'].nunique()
      group = Subgroup(
        by=by,
        name=name,
        slices=len(part),
        patients=patients,
        patients_by_class=patients_by_class(part),
        is_small=patients < MIN_PATIENTS,
        measures=bootstrap.intervals(
          part, resamples=resamples, with_areas=False
        ),
      )
      result.append(group)
  return result


def _kinds(
  table: pd.DataFrame, metadata: pd.DataFrame | None
) -> dict[str, pd.Series]:
  kinds = {'source': table['source'].replace('', UNKNOWN)}
  if metadata is None:
    return kinds
  patient = table['patient_id']
  if not known(table, metadata):
    raise ValueError(
      f'The metadata hold none of the {patient.nunique()} patients, such as '
      f'{patient.iloc[0]!r}; they hold {metadata.index[0]!r}, for instance. '
      'Give the metadata of these data.'
    )
  of_slices = metadata.reindex(patient).fillna(UNKNOWN).set_axis(table.index)
  return kinds | dict(of_slices.items())


def _ordered(patients: pd.Series) -> list[str]:
  """Returns the names of subgroups, given their numbers of patients."""

  def place(name: str) -> tuple[bool, int, str]:
    size = _BANDS.index(name) if name in _BANDS else -patients[name]
    return name == UNKNOWN, size, name

  return sorted(patients.index, key=place)
