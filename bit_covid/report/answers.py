# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What the numbers of each section of a report say, in one sentence."""

from collections.abc import Callable, Mapping, Sequence
import types
from typing import Any

from bit_covid.analysis import figures
from bit_covid.analysis import interval as interval_lib
from bit_covid.analysis import measure_text

Numbers = Mapping[str, Any]
# Of the operating points, the one that is put into words.
_WANTED_SENSITIVITY = 0.95


def of_numbers(section: str, numbers: Numbers) -> str:
  """Returns the answer of a section, '' if it has none.

  Args:
    section: its name, a key of `_ANSWERS`, or another one.
    numbers: of the split that is shown, as in report/metrics.json.
  """
  answer = _ANSWERS.get(section)
  return answer(numbers) if answer else ''


def training(rows: Sequence[Mapping[str, float]]) -> str:
  """Returns how far the loss fell, from the rows of metrics.jsonl."""
  measured = [x for x in rows if x.get('train_loss') is not None]
  if len(measured) < 2:
    return ''
  first, last = measured[0], measured[-1]
  return (
    f'The training loss went from {first["train_loss"]:.3g} at step '
    f'{first["step"]:,} to {last["train_loss"]:.3g} at step {last["step"]:,}.'
  )


def _results(numbers: Numbers) -> str:
  found = numbers['slice']
  measures = found['measures']
  text = (
    f'Of {figures.plural(found["slices"], "slice")}, '
    f'{_said(measures["accuracy"], "accuracy")} are predicted rightly.'
  )
  known = {
    name: x
    for name, x in measures['sensitivity'].items()
    if x['value'] is not None
  }
  if not known:
    return text
  worst = min(known, key=lambda name: known[name]['value'])
  if known[worst]['value'] == 1:
    return f'{text} No slice of any class is missed.'
  return (
    f'{text} {worst} is missed most: {_said(known[worst], "sensitivity")} of '
    'its slices are found.'
  )


def _patients(numbers: Numbers) -> str:
  found = numbers['patient']
  if 'missing' in found or not numbers['slice']['patients_known']:
    return ''
  mean = found['mean']
  return (
    f'Of {figures.plural(mean["patients"], "patient")}, '
    f'{_said(mean["measures"]["accuracy"], "accuracy")} are predicted rightly '
    'by the mean of their slices.'
  )


def _prevalence(numbers: Numbers) -> str:
  points = [
    (name, point)
    for name, of_class in numbers['prevalence'].items()
    for point in of_class
    if point['ppv'] is not None
  ]
  if not points:
    return ''
  name, point = min(points, key=lambda x: x[1]['ppv'])
  found = {x: point[f'ppv_{x}'] for x in ('low', 'high')}
  return (
    f'Where {100 * point["prevalence"]:g} % of the slices are {name}, '
    f'{_said({"value": point["ppv"], **found}, "ppv")} of the slices that are '
    f'called {name} are {name}.'
  )


def _calibration(numbers: Numbers) -> str:
  error = numbers['calibration']['before']['ece']['value']
  if error is None:
    return ''
  return (
    'As predicted, confidence and share of right predictions differ by '
    f'{measure_text.number(error, "ece")} percentage points on average.'
  )


def _thresholds(numbers: Numbers) -> str:
  found = numbers['operating_points']
  points = [
    x
    for x in found['points']
    if x['wanted_sensitivity'] == _WANTED_SENSITIVITY and 'missing' not in x
  ]
  if not points:
    return ''
  point = points[-1]
  return (
    f'With the threshold that finds {100 * point["wanted_sensitivity"]:g} % of '
    f'{point["class"]} on {found["chosen_on"]}, '
    f'{_said(point["sensitivity"], "sensitivity")} of it are found here, and '
    f'{_said(point["specificity"], "specificity")} of the other slices are not '
    f'called {point["class"]}.'
  )


def _subgroups(numbers: Numbers) -> str:
  groups = [
    x
    for x in numbers['subgroups']
    if not x['is_small'] and x['measures']['accuracy']['value'] is not None
  ]
  if len(groups) < 2:
    return 'There are no two groups that are large enough to be compared.'
  lowest = min(groups, key=lambda x: x['measures']['accuracy']['value'])
  return (
    f'Of the groups that are not small, {lowest["by"]} {lowest["name"]} has '
    f'the lowest accuracy, {_said(lowest["measures"]["accuracy"], "accuracy")}.'
  )


def _errors(numbers: Numbers) -> str:
  slices = numbers['slice']['slices']
  right = sum(row[i] for i, row in enumerate(numbers['confusion_matrix']))
  if right == slices:
    return ''  # The section itself says so.
  return (
    f'{slices - right:,} of {figures.plural(slices, "slice")} are predicted '
    'wrongly.'
  )


def _maps(numbers: Numbers) -> str:
  found = numbers.get('maps', {}).get('energy', {'missing': ''})
  if 'missing' in found:
    return ''
  inside, area = found['all']['inside'], found['all']['area']
  if inside['value'] is None or inside['low'] is None:
    return ''
  judged = 'no better than chance'
  if inside['low'] > area:
    judged = 'more than by chance'
  elif inside['high'] < area:
    judged = 'less than by chance'
  return (
    f'{_said(inside, "inside")} of a map of the whole slice lies in the box, '
    f'which covers {measure_text.share(area)} %: {judged}.'
  )


def _said(found: Mapping[str, float | None], measure: str) -> str:
  """Returns such as '99.63 % (95 % interval 97.72 to 99.98)'."""
  text = measure_text.number(found['value'], measure)
  if found['low'] is None:
    return f'{text} % (no interval)'
  between = measure_text.interval(found, measure)
  return f'{text} % ({interval_lib.LEVEL_TEXT} interval {between})'


_ANSWERS: Mapping[str, Callable[[Numbers], str]] = types.MappingProxyType(
  {
    'results': _results,
    'patients': _patients,
    'prevalence': _prevalence,
    'calibration': _calibration,
    'thresholds': _thresholds,
    'subgroups': _subgroups,
    'errors': _errors,
    'maps': _maps,
  }
)
