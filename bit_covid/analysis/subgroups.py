# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The measures by source, and by country, age and sex where known.

A pooled number hides a source on which the network fails. A group, or a class
of it, of fewer than `MIN_PATIENTS` patients is marked as too small to read, but
never left out.
"""

import os
from typing import NamedTuple

import numpy as np
import pandas as pd

from bit_covid.analysis import interval as interval_lib
from bit_covid.analysis import intervals
from bit_covid.analysis import predictions

MIN_PATIENTS = 10
# In years; no one has been older.
MAX_AGE = 122
UNKNOWN = 'unknown'
# The first year of each band, and its name.
AGE_BANDS = {0: '0-17', 18: '18-39', 40: '40-59', 60: '60-79', 80: '80+'}
_BANDS = list(AGE_BANDS.values())
_COLUMNS = ('patient id', 'country', 'sex', 'age')


class Subgroup(NamedTuple):
  """The measures of the patients of a split that share a value, `name`.

  `by` is 'source', 'country', 'age' or 'sex'. The measures are without areas
  under curves. A small group has too few patients to draw conclusions; so have
  its small classes, which do not include those without any patient.
  """

  by: str
  name: str
  slices: int
  patients: int
  patients_by_class: dict[str, int]
  slices_by_class: dict[str, int]
  is_small: bool
  small_classes: tuple[str, ...]
  measures: dict[str, interval_lib.Interval]


def read_metadata(path: str | os.PathLike[str]) -> pd.DataFrame:
  """Returns `country`, `age` (a band) and `sex` of the patients in a CSV.

  The file is a metadata.csv of COVIDx CT; `patient id` becomes the index.

  Raises:
    ValueError: a column is missing, a patient occurs twice, or an age is not a
      number from 0 to `MAX_AGE`; the message says which.
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
  wrong = found['age'][~age.between(0, MAX_AGE) & (found['age'] != '')]
  if len(wrong):
    raise ValueError(
      f'{path}: {len(wrong)} ages are not numbers from 0 to {MAX_AGE}, such as '
      f'{wrong.iloc[0]!r}. Give years, or leave the field empty.'
    )
  found = found.set_index('patient id')[['country', 'sex']].replace('', UNKNOWN)
  bands = pd.cut(age, [*AGE_BANDS, np.inf], right=False, labels=_BANDS)
  found.insert(1, 'age', bands.astype(object).fillna(UNKNOWN).to_list())
  return found


def by_class(table: pd.DataFrame, column: str) -> dict[str, int]:
  """Returns the number of values in a column of each class, by its name."""
  found = table[column].groupby(table['label']).nunique()
  return {
    name: int(found.get(i, 0))
    for i, name in enumerate(predictions.class_names(table))
  }


def patients_of_several_classes(table: pd.DataFrame) -> int:
  """Returns the number of patients with slices of more than one class."""
  return int((table.groupby('patient_id')['label'].nunique() > 1).sum())


def known(table: pd.DataFrame, metadata: pd.DataFrame) -> int:
  """Returns how many patients of a table the metadata hold."""
  return int(table['patient_id'].drop_duplicates().isin(metadata.index).sum())


def measure(
  table: pd.DataFrame,
  metadata: pd.DataFrame | None = None,
) -> list[Subgroup]:
  """Returns all subgroups of a predictions table.

  Within a kind, age bands are sorted by age and others by falling size. Without
  metadata, those of `read_metadata`, there are only subgroups by source.
  """
  predictions.labelled(table)
  result = []
  for by, names in _kinds(table, metadata).items():
    for name in _ordered(table['patient_id'].groupby(names).nunique()):
      part = table[names == name]
      patients = part['patient_id'].nunique()
      patients_by_class = by_class(part, 'patient_id')
      group = Subgroup(
        by=by,
        name=name,
        slices=len(part),
        patients=patients,
        patients_by_class=patients_by_class,
        slices_by_class=by_class(part, 'slice_id'),
        is_small=patients < MIN_PATIENTS,
        small_classes=tuple(
          name
          for name, count in patients_by_class.items()
          if 0 < count < MIN_PATIENTS
        ),
        measures=intervals.intervals(part, with_areas=False),
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
