# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Numbers of what is chosen on val: the temperature and operating points.

Measured on val itself, they would look better than they are.
"""

from collections.abc import Mapping
import math

import pandas as pd

from bit_covid.analysis import calibration as calibration_lib
from bit_covid.analysis import interval as interval_lib
from bit_covid.analysis import operating_points as points_lib
from bit_covid.analysis import predictions
from bit_covid.report import values

_VAL = 'val'
_NONE = interval_lib.Interval(math.nan, math.nan, math.nan)


def calibration(name: str, tables: Mapping[str, pd.DataFrame]) -> values.Json:
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
  temperature = calibration_lib.fit_temperature(tables[_VAL])
  if math.isnan(temperature):
    low, high = calibration_lib.TEMPERATURES
    missing = (
      f'No temperature within {low:g} and {high:g} is the best for {_VAL}, as '
      'happens where no slice of it is predicted wrongly. None is applied.'
    )
    return result | {'missing': missing}
  after = calibration_lib.apply_temperature(table, temperature)
  found = calibration_lib.temperature_range(tables[_VAL], temperature)
  return result | {
    **values.flat('temperature', found),
    'after': _losses(after),
    'reliability_after': _reliability(after),
  }


def _losses(table: pd.DataFrame) -> values.Json:
  """Returns the measures of `calibration.measure`, with intervals of means."""
  # Noise makes a sum of absolute values larger, so an interval around it would
  # lie above the truth.
  ece = calibration_lib.measure(table)['ece']
  return values.named(
    {
      **calibration_lib.losses_intervals(table),
      'ece': _NONE._replace(value=ece),
    }
  )


def _reliability(table: pd.DataFrame) -> values.Json:
  curve = calibration_lib.reliability(table)._asdict()
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


def operating_points(
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
      for wanted in points_lib.SENSITIVITIES
    ],
  }


def _operating_point(
  class_name: str, wanted: float, val: pd.DataFrame, table: pd.DataFrame
) -> values.Json:
  threshold = points_lib.threshold_range(val, class_name, wanted)
  point = {
    'class': class_name,
    'wanted_sensitivity': wanted,
    **values.flat('threshold', threshold),
  }
  if math.isnan(threshold.value):
    return point | {'missing': f'{_VAL} has no slice of {class_name}.'}
  on_val, here = (
    points_lib.at_threshold(x, class_name, threshold.value)
    for x in (val, table)
  )
  return point | {
    f'{_VAL}_sensitivity': values.plain(on_val['sensitivity'].value),
    **values.named(here),
  }
