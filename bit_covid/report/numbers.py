# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Computes the numbers of a report, those of report/metrics.json.

They are plain values for JSON, with None for what is undefined. A part that
could not be computed is `{'missing': 'why'}`. docs/report.md describes each
key.
"""

from collections.abc import Mapping
import math

import numpy as np
import pandas as pd

from bit_covid.analysis import aggregation
from bit_covid.analysis import bootstrap
from bit_covid.analysis import calibration
from bit_covid.analysis import metrics
from bit_covid.analysis import operating_points
from bit_covid.analysis import predictions
from bit_covid.analysis import subgroups
from bit_covid.report import values

# Temperature and operating points are chosen on this split. Measured on it,
# they would look better than they are.
_VAL = 'val'
# Tolerance of a sum of probabilities that were written with few digits.
_ROUNDING = 1e-3


def collect(
  tables: Mapping[str, pd.DataFrame],
  *,
  metadata: pd.DataFrame | None = None,
  settings: values.Settings = values.DEFAULTS,
) -> values.Json:
  """Returns the numbers of each split from its predictions table.

  Metadata are those of `subgroups.read_metadata`.

  Raises:
    ValueError: a table has no slices, or labels or probabilities are missing.
  """
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
  class_names = predictions.class_names(table)
  summary = metrics.summary(confusion, class_names)
  return summary | {
    'slice': {
      'slices': len(table),
      'patients': table['patient_id'].nunique(),
      'patients_by_class': subgroups.patients_by_class(table),
      'measures': _intervals(table, settings),
    },
    'patient': _patients(table, settings),
    'prevalence': _prevalence(summary, settings),
    'calibration': _calibration(name, tables, settings),
    'operating_points': _operating_points(name, tables, settings),
    'subgroups': [
      group._asdict() | {'measures': values.named(group.measures, class_names)}
      for group in subgroups.measure(
        table, metadata, resamples=settings.resamples
      )
    ],
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
  found = bootstrap.intervals(table, resamples=settings.resamples)
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


def _calibration(
  name: str, tables: Mapping[str, pd.DataFrame], settings: values.Settings
) -> values.Json:
  """Returns the calibration of a split, before and after a temperature."""
  table = tables[name]
  result = {
    'before': _losses(table, settings),
    'reliability': _reliability(table),
    'fitted_on': _VAL,
    'temperature': None,
    'after': None,
    'reliability_after': None,
  }
  missing = _cannot_choose(name, tables, 'A temperature')
  if missing:
    return result | {'missing': missing}
  temperature = calibration.fit_temperature(tables[_VAL])
  if math.isnan(temperature):
    low, high = calibration.TEMPERATURES
    missing = (
      f'No temperature within {low:g} and {high:g} is the best for {_VAL}, as '
      'happens where no slice of it is predicted wrongly. None is applied.'
    )
    return result | {'missing': missing}
  after = calibration.apply_temperature(table, temperature)
  return result | {
    'temperature': temperature,
    'after': _losses(after, settings),
    'reliability_after': _reliability(after),
  }


def _losses(table: pd.DataFrame, settings: values.Settings) -> values.Json:
  """Returns the measures of `calibration.measure`, with intervals of means."""
  intervals = bootstrap.mean_intervals(
    table, calibration.losses(table), resamples=settings.resamples
  )
  # Noise makes a sum of absolute values larger, and resampling adds noise: in a
  # simulation of calibrated networks none of 300 intervals held the truth.
  ece = calibration.measure(table)['ece']
  intervals['ece'] = bootstrap.Interval(ece, math.nan, math.nan)
  return values.named(intervals)


def _reliability(table: pd.DataFrame) -> values.Json:
  curve = calibration.reliability(table)._asdict()
  return {name: values.plain(x) for name, x in curve.items()}


def _cannot_choose(
  name: str, tables: Mapping[str, pd.DataFrame], what: str
) -> str:
  """Returns why nothing can be chosen on val for a split, '' if it can be."""
  if _VAL not in tables:
    return (
      f'There are no predictions of a split {_VAL}. {what} chosen on {name} '
      'itself would look better than it is, so there is none.'
    )
  if name == _VAL:
    return (
      f'{what} is chosen on {_VAL} and measured on other splits: measured on '
      f'{_VAL} it would look better than it is.'
    )
  if list(tables[_VAL].columns) != list(tables[name].columns):
    return (
      f'{_VAL} and {name} have different classes; {what.lower()} needs one set.'
    )
  return ''


def _operating_points(
  name: str, tables: Mapping[str, pd.DataFrame], settings: values.Settings
) -> values.Json:
  """Returns the operating points of a split by class and wanted sensitivity."""
  missing = _cannot_choose(name, tables, 'A threshold')
  if missing:
    return {'chosen_on': _VAL, 'points': [], 'missing': missing}
  return {
    'chosen_on': _VAL,
    'points': [
      _operating_point(class_name, wanted, tables[_VAL], tables[name], settings)
      for class_name in predictions.class_names(tables[name])
      for wanted in operating_points.SENSITIVITIES
    ],
  }


def _operating_point(
  class_name: str,
  wanted: float,
  val: pd.DataFrame,
  table: pd.DataFrame,
  settings: values.Settings,
) -> values.Json:
  threshold = operating_points.threshold(val, class_name, wanted)
  point = {
    'class': class_name,
    'wanted_sensitivity': wanted,
    'threshold': values.plain(threshold),
  }
  if math.isnan(threshold):
    return point | {'missing': f'{_VAL} has no slice of {class_name}.'}
  on_val = operating_points.at_threshold(val, class_name, threshold)
  intervals = operating_points.intervals_at_threshold(
    table, class_name, threshold, resamples=settings.resamples
  )
  return point | {
    f'{_VAL}_sensitivity': values.plain(on_val['sensitivity']),
    **values.named(intervals),
  }
