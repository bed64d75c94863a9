# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Computes the numbers of a report, those of report/metrics.json.

They are plain values for JSON, with None for what is undefined. A part that
could not be computed is `{'missing': 'why'}`. docs/report.md describes each
key.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from bit_covid.analysis import aggregation
from bit_covid.analysis import bootstrap
from bit_covid.analysis import metrics
from bit_covid.analysis import predictions
from bit_covid.analysis import subgroups
from bit_covid.report import choices
from bit_covid.report import values

# Tolerance of a sum of probabilities that were written with few digits.
_ROUNDING = 1e-3


def collect(
  tables: Mapping[str, pd.DataFrame],
  *,
  metadata: pd.DataFrame | None = None,
  settings: values.Settings | None = None,
) -> values.Json:
  """Returns the numbers of each split from its predictions table.

  Metadata are those of `subgroups.read_metadata`.

  Raises:
    ValueError: a table has no slices, or labels or probabilities are missing.
  """
  settings = settings or values.Settings()
  for name, table in tables.items():
    try:
      _check(table)
    except ValueError as error:
      raise ValueError(f'{name}: {error}') from error
  known = {}
  if metadata is not None:
    known = {x: subgroups.known(tables[x], metadata) for x in tables}
  found = {}
  for name in tables:
    # Metadata may be of the patients of one split alone, but not of none.
    is_used = known.get(name) or not any(known.values())
    found[name] = _split(name, tables, metadata if is_used else None, settings)
    if metadata is not None:
      found[name]['patients_with_metadata'] = known[name]
  return found


def _check(table: pd.DataFrame) -> None:
  if table.empty:
    raise ValueError(
      'The table holds 0 slices. Evaluate the split again, or remove its file.'
    )
  _, probabilities = metrics.labelled(table)
  wrong = np.abs(probabilities.sum(axis=1) - 1) > _ROUNDING
  wrong |= (probabilities < 0).any(axis=1)
  if wrong.any():
    raise ValueError(
      f'{wrong.sum()} of {len(table)} rows have probabilities that do not add '
      f'up to 1 or are negative, such as {table["slice_id"][wrong].iloc[0]!r}. '
      'Give those of a softmax.'
    )


def _split(
  name: str,
  tables: Mapping[str, pd.DataFrame],
  metadata: pd.DataFrame | None,
  settings: values.Settings,
) -> values.Json:
  table = tables[name]
  confusion = metrics.confusion_matrix(table)
  summary = metrics.summary(confusion, predictions.class_names(table))
  return summary | {
    'slice': {
      'slices': len(table),
      'patients': table['patient_id'].nunique(),
      'patients_by_class': subgroups.patients_by_class(table),
      'measures': _intervals(table, settings),
    },
    'patient': _patients(table, settings),
    'prevalence': _prevalence(summary, settings),
    'calibration': choices.calibration_numbers(name, tables, settings),
    'operating_points': choices.operating_point_numbers(name, tables, settings),
    'subgroups': _subgroups(table, metadata, settings),
  }


def _patients(table: pd.DataFrame, settings: values.Settings) -> values.Json:
  """Returns the numbers of patients for each aggregation method."""
  try:
    by_method = {
      method: aggregation.aggregate_patients(table, method)
      for method in aggregation.METHODS
    }
  except ValueError as error:
    return {'missing': str(error)}
  return {
    method: {
      'patients': len(part),
      'confusion_matrix': metrics.confusion_matrix(part).tolist(),
      'measures': _intervals(part, settings),
    }
    for method, part in by_method.items()
  }


def _intervals(table: pd.DataFrame, settings: values.Settings) -> values.Json:
  found = bootstrap.intervals(table, **settings.bootstrap())
  return values.named(found, predictions.class_names(table))


def _prevalence(summary: values.Json, settings: values.Settings) -> values.Json:
  result = {}
  for class_name in summary['class_names']:
    rates = (
      # None, where it is undefined, becomes NaN.
      np.float64(summary[name][class_name])
      for name in ('sensitivity', 'specificity')
    )
    ppv, npv = metrics.at_prevalence(*rates, np.array(settings.prevalences))
    columns = zip(settings.prevalences, ppv, npv, strict=True)
    result[class_name] = [
      {'prevalence': x, 'ppv': values.plain(p), 'npv': values.plain(n)}
      for x, p, n in columns
    ]
  return result


def _subgroups(
  table: pd.DataFrame,
  metadata: pd.DataFrame | None,
  settings: values.Settings,
) -> list[values.Json]:
  found = subgroups.measure(table, metadata, **settings.bootstrap())
  return [
    {
      'by': group.by,
      'name': group.name,
      'slices': group.slices,
      'patients': group.num_patients,
      'patients_by_class': group.patients,
      'is_small': group.is_small,
      'measures': values.named(group.intervals, predictions.class_names(table)),
    }
    for group in found
  ]
