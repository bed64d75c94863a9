# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Computes the numbers of a report, those of report/metrics.json.

They are plain values for JSON, with None for what is undefined. A part that
could not be computed is `{'missing': 'why'}`. docs/report.md describes each
key.
"""

from collections.abc import Mapping, Sequence
import math

import numpy as np
import pandas as pd

from bit_covid.analysis import aggregation
from bit_covid.analysis import calibration
from bit_covid.analysis import derived_intervals
from bit_covid.analysis import interval as interval_lib
from bit_covid.analysis import intervals
from bit_covid.analysis import metrics
from bit_covid.analysis import operating_points
from bit_covid.analysis import predictions
from bit_covid.analysis import subgroups
from bit_covid.report import values

# Temperature and operating points are chosen on this split. Measured on it,
# they would look better than they are.
_VAL = 'val'
_NONE = interval_lib.Interval(math.nan, math.nan, math.nan)


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
  predictions.check_once(table)
  metrics.labelled(table)


def _split(
  name: str,
  tables: Mapping[str, pd.DataFrame],
  metadata: pd.DataFrame | None,
  settings: values.Settings,
) -> values.Json:
  table = tables[name]
  confusion = metrics.confusion_matrix(table)
  class_names = predictions.class_names(table)
  found = intervals.intervals(table)
  knows_patients = predictions.knows_patients(table)
  return metrics.summary(confusion, class_names) | {
    'slice': {
      'slices': len(table),
      'slices_by_class': subgroups.slices_by_class(table),
      'patients_known': knows_patients,
      **_counts(
        table['patient_id'].nunique(),
        subgroups.patients_by_class(table),
        is_known=knows_patients,
      ),
      'patients_of_several_classes': (
        subgroups.patients_of_several_classes(table)
      ),
      'measures': values.named(found, class_names),
    },
    'patient': _patients(table),
    'prevalence': _prevalence(found, class_names, settings.prevalences),
    'calibration': _calibration(name, tables),
    'operating_points': _operating_points(name, tables),
    'subgroups': [
      group._asdict()
      | _counts(
        group.patients, group.patients_by_class, is_known=knows_patients
      )
      | {'measures': values.named(group.measures, class_names)}
      for group in subgroups.measure(table, metadata)
    ],
  }


def _counts(
  patients: int, by_class: Mapping[str, int], *, is_known: bool
) -> values.Json:
  return {
    'patients': patients if is_known else None,
    'patients_by_class': dict(by_class) if is_known else None,
  }


def _patients(table: pd.DataFrame) -> values.Json:
  """Returns the numbers of patients for each aggregation method."""
  if not predictions.knows_patients(table):
    return {'missing': predictions.PATIENTS_UNKNOWN}
  try:
    by_method = {
      method: aggregation.aggregate_patients(table, method)
      for method in aggregation.METHODS
    }
  except ValueError as error:
    return {'missing': str(error)}
  result = {
    method: {
      'patients': len(part),
      'confusion_matrix': metrics.confusion_matrix(part).tolist(),
      'measures': values.named(
        intervals.intervals(part), predictions.class_names(part)
      ),
    }
    for method, part in by_method.items()
  }
  result['vote']['ties'] = aggregation.tied_votes(table)
  return result


def _prevalence(
  found: Mapping[str, interval_lib.Interval],
  class_names: Sequence[str],
  prevalences: Sequence[float],
) -> values.Json:
  """Returns PPV and NPV of each class at each prevalence."""
  result = {}
  for i, class_name in enumerate(class_names):
    rates = (
      interval_lib.Interval(*(bound[i] for bound in found[name]))
      for name in ('sensitivity', 'specificity')
    )
    columns = {'prevalence': prevalences}
    restated = derived_intervals.predictive_values(
      *rates, np.array(prevalences)
    )
    for name, each in zip(('ppv', 'npv'), restated, strict=True):
      columns |= values.flat(name, each)
    rows = zip(*columns.values(), strict=True)
    result[class_name] = [dict(zip(columns, x, strict=True)) for x in rows]
  return result


def _calibration(name: str, tables: Mapping[str, pd.DataFrame]) -> values.Json:
  """Returns the calibration of a split, before and after a temperature."""
  table = tables[name]
  result = {
    'before': _losses(table),
    'reliability': _reliability(table),
    'fitted_on': _VAL,
    **values.flat('temperature', _NONE),
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
    **values.flat(
      'temperature', calibration.temperature_range(tables[_VAL], temperature)
    ),
    'after': _losses(after),
    'reliability_after': _reliability(after),
  }


def _losses(table: pd.DataFrame) -> values.Json:
  """Returns the measures of `calibration.measure`, with intervals of means."""
  # Noise makes a sum of absolute values larger, so an interval around it would
  # lie above the truth.
  ece = calibration.measure(table)['ece']
  return values.named(
    {**calibration.losses_intervals(table), 'ece': _NONE._replace(value=ece)}
  )


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
  name: str, tables: Mapping[str, pd.DataFrame]
) -> values.Json:
  """Returns the operating points of a split by class and wanted sensitivity."""
  missing = _cannot_choose(name, tables, 'A threshold')
  if missing:
    return {'chosen_on': _VAL, 'points': [], 'missing': missing}
  return {
    'chosen_on': _VAL,
    'points': [
      _operating_point(class_name, wanted, tables[_VAL], tables[name])
      for class_name in predictions.class_names(tables[name])
      for wanted in operating_points.SENSITIVITIES
    ],
  }


def _operating_point(
  class_name: str,
  wanted: float,
  val: pd.DataFrame,
  table: pd.DataFrame,
) -> values.Json:
  threshold = operating_points.threshold_range(val, class_name, wanted)
  point = {
    'class': class_name,
    'wanted_sensitivity': wanted,
    **values.flat('threshold', threshold),
  }
  if math.isnan(threshold.value):
    return point | {'missing': f'{_VAL} has no slice of {class_name}.'}
  on_val, here = (
    operating_points.at_threshold(x, class_name, threshold.value)
    for x in (val, table)
  )
  return point | {
    f'{_VAL}_sensitivity': values.plain(on_val['sensitivity'].value),
    **values.named(here),
  }
