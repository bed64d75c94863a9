# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The headline numbers of a report."""

from collections.abc import Mapping, Sequence
from typing import Any

from bit_covid.analysis import figures
from bit_covid.analysis import interval as interval_lib
from bit_covid.analysis import measure_text


def highlights(numbers: Mapping[str, Any]) -> list[tuple[str, ...]]:
  """Returns title, value, interval and sample size of each headline number."""
  found = numbers['slice']
  what = figures.plural(found['slices'], 'slice')
  counts = found['slices_by_class']
  if found['patients_known']:
    what += f' of {figures.plural(found["patients"], "patient")}'
    counts = found['patients_by_class']
  by_class = ', '.join(f'{count:,} {name}' for name, count in counts.items())
  accuracy = _percent(found['measures']['accuracy'])
  result = [('Accuracy of slices', *accuracy, f'{what} ({by_class})')]
  if 'missing' not in numbers['patient']:
    mean = numbers['patient']['mean']
    accuracy = _percent(mean['measures']['accuracy'])
    what = (
      f'{figures.plural(mean["patients"], "patient")}, mean of their slices'
    )
    result.append(('Accuracy of patients', *accuracy, what))
  return [*result, *_lowest_source(numbers['subgroups'])]


def _lowest_source(
  groups: Sequence[Mapping[str, Any]],
) -> list[tuple[str, ...]]:
  """Returns the source of lowest accuracy, if there are several to read."""
  sources = [x for x in groups if x['by'] == 'source' and not x['is_small']]
  if len(sources) < 2:
    return []
  lowest = min(sources, key=lambda x: x['measures']['accuracy']['value'])
  what = figures.plural(lowest['slices'], 'slice')
  if lowest['patients'] is not None:
    what += f' of {figures.plural(lowest["patients"], "patient")}'
  return [
    (
      f'Accuracy of slices, {lowest["name"]}',
      *_percent(lowest['measures']['accuracy']),
      f'{what}, the lowest of {len(sources)} sources (see Subgroups)',
    )
  ]


def _percent(found: Mapping[str, float | None]) -> tuple[str, str]:
  text = measure_text.number(found['value'], 'accuracy')
  between = measure_text.interval(found, 'accuracy')
  return f'{text} %', f'{interval_lib.LEVEL_TEXT} interval {between}'
