# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Temperature and operating points: chosen on val, measured on other splits.

Measured on the split on which they were chosen, they would look better than
they are. Without a split val there are none, and the numbers say so.
"""

from collections.abc import Mapping
import math

import pandas as pd

from bit_covid.analysis import bootstrap
from bit_covid.analysis import calibration
from bit_covid.analysis import operating_points
from bit_covid.analysis import predictions
from bit_covid.report import values

VAL = 'val'


def calibration_numbers(
  name: str, tables: Mapping[str, pd.DataFrame], settings: values.Settings
) -> values.Json:
  """Returns the calibration of a split, before and after a temperature."""
  table = tables[name]
  result = {
    'before': _calibration(table, settings),
    'reliability': _reliability(table),
    'fitted_on': VAL,
    'temperature': None,
    'after': None,
    'reliability_after': None,
  }
  missing = _cannot_choose(name, tables, 'A temperature')
  if missing:
    return result | {'missing': missing}
  temperature = calibration.fit_temperature(tables[VAL])
  if math.isnan(temperature):
    low, high = calibration.TEMPERATURES
    return result | {
      'missing': (
        f'No temperature within {low:g} and {high:g} is the best for {VAL}, as '
        'happens where no slice of it is predicted wrongly. None is applied.'
      )
    }
  after = calibration.apply_temperature(table, temperature)
  return result | {
    'temperature': temperature,
    'after': _calibration(after, settings),
    'reliability_after': _reliability(after),
  }


def _calibration(table: pd.DataFrame, settings: values.Settings) -> values.Json:
  """Returns the measures of `calibration.measure`, with intervals of means."""
  losses = calibration.losses(table)
  intervals = bootstrap.mean_intervals(
    table, losses, resamples=settings.resamples
  )
  # Noise makes a sum of absolute values larger, and resampling adds noise: in a
  # simulation of calibrated networks none of 300 intervals held the truth.
  ece = calibration.measure(table)['ece']
  intervals['ece'] = bootstrap.Interval(ece, math.nan, math.nan)
  return values.named(intervals)


def _reliability(table: pd.DataFrame) -> values.Json:
  curve = calibration.reliability(table)._asdict()
  return {name: values.plain(x) for name, x in curve.items()} | {
    'count': curve['count'].tolist()
  }


def _cannot_choose(
  name: str, tables: Mapping[str, pd.DataFrame], what: str
) -> str:
  """Returns why nothing can be chosen on val for a split, '' if it can be."""
  if VAL not in tables:
    return (
      f'There are no predictions of a split {VAL}. {what} chosen on {name} '
      'itself would look better than it is, so there is none.'
    )
  if name == VAL:
    return (
      f'{what} is chosen on {VAL} and measured on other splits: measured on '
      f'{VAL} it would look better than it is.'
    )
  if list(tables[VAL].columns) != list(tables[name].columns):
    return (
      f'{VAL} and {name} have different classes; {what.lower()} needs one set.'
    )
  return ''


def operating_point_numbers(
  name: str, tables: Mapping[str, pd.DataFrame], settings: values.Settings
) -> values.Json:
  """Returns the operating points of a split by class and wanted sensitivity."""
  missing = _cannot_choose(name, tables, 'A threshold')
  if missing:
    return {'chosen_on': VAL, 'points': [], 'missing': missing}
  return {
    'chosen_on': VAL,
    'points': [
      _operating_point(class_name, wanted, tables[VAL], tables[name], settings)
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
    return point | {'missing': f'{VAL} has no slice of {class_name}.'}
  on_val = operating_points.at_threshold(val, class_name, threshold)
  intervals = operating_points.intervals_at_threshold(
    table, class_name, threshold, resamples=settings.resamples
  )
  return point | {
    f'{VAL}_sensitivity': values.plain(on_val['sensitivity']),
    **values.named(intervals),
  }
