# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tables of a report, from the numbers that metrics.json holds."""

from collections.abc import Callable, Iterable, Mapping
import functools
from typing import Any

from bit_covid.analysis import interval as interval_lib
from bit_covid.analysis import measure_text
from bit_covid.analysis import metrics
from bit_covid.analysis import operating_points
from bit_covid.report import blocks

_METHODS = {
  'mean': 'Mean',
  'max': 'Maximum',
  'top_k': 'Mean of top slices',
  'vote': 'Vote',
}
_STAGES = {
  'none': 'nothing: the original map',
  'root': 'root: the whole network',
}
_INTERVALS = f'with {interval_lib.LEVEL_TEXT} intervals'
_UNKNOWN = 'not known'

Numbers = Mapping[str, Any]


def overall(splits: Mapping[str, Numbers]) -> blocks.Table:
  """Returns the overall measures of each split."""
  rows = []
  for name, numbers in splits.items():
    found = numbers['slice']
    measures = [blocks.cell(found['measures'][x], x) for x in metrics.OVERALL]
    patients = found['patients'] if found['patients_known'] else _UNKNOWN
    counts = blocks.cells(name, found['slices'], patients)
    rows.append(counts + measures)
  return blocks.Table(
    f'All slices of each split, {_INTERVALS}',
    [
      'Split',
      'Slices',
      'Patients',
      *(measure_text.HEADINGS[x] for x in metrics.OVERALL),
    ],
    rows,
  )


def by_class(numbers: Numbers) -> blocks.Table:
  """Returns the measures of each class against the rest."""
  found = numbers['slice']
  rows = [blocks.cells('Slices', *map(sum, numbers['confusion_matrix']))]
  if found['patients_known']:
    rows.append(blocks.cells('Patients', *found['patients_by_class'].values()))
  for measure in metrics.PER_CLASS:
    rows.append(_measure(measure, found['measures'][measure].values()))
  return blocks.Table(
    f'Each class against the rest, {_INTERVALS}',
    ['Measure', *numbers['class_names']],
    rows,
  )


def by_patient(numbers: Numbers) -> blocks.Table:
  """Returns the measures of patients for each aggregation method."""
  found = numbers['patient']
  methods = [x['measures'] for x in found.values()]
  rows = [_measure(x, [each[x] for each in methods]) for x in metrics.OVERALL]
  for measure in ('sensitivity', 'specificity'):
    for name in numbers['class_names']:
      _, *cells = _measure(measure, [each[measure][name] for each in methods])
      heading = measure_text.HEADINGS[measure].replace(',', f' {name},')
      rows.append([blocks.Cell(heading), *cells])
  return blocks.Table(
    f'A column for each way to join the slices of a patient, {_INTERVALS}',
    ['Measure', *(_METHODS[name] for name in found)],
    rows,
  )


def prevalence(numbers: Numbers) -> blocks.Table:
  """Returns PPV and NPV of each class at the given prevalences."""
  found = numbers['prevalence']
  rows = []
  for points in zip(*found.values(), strict=True):
    prevalence = f'{100 * points[0]["prevalence"]:g} %'
    for name in ('ppv', 'npv'):
      cells = [
        blocks.Cell(
          measure_text.share(point[name], decimals=1),
          _range(
            point, name, functools.partial(measure_text.share, decimals=1)
          ),
        )
        for point in points
      ]
      rows.append([*blocks.cells(prevalence, name.upper()), *cells])
  return blocks.Table(
    f'In percent, where this share of the slices is of the class, {_INTERVALS}',
    ['Prevalence', 'Value', *found],
    rows,
  )


def _range(found: Numbers, name: str, text: Callable[[float], str]) -> str:
  """Returns '0.021 to 0.85', '' without bounds."""
  bounds = [found[f'{name}_{x}'] for x in ('low', 'high')]
  return '' if None in bounds else ' to '.join(map(text, bounds))


def calibration(numbers: Numbers) -> blocks.Table:
  """Returns the calibration before and after the temperature."""
  found = numbers['calibration']
  columns = {'As predicted': found['before']}
  if found['after']:
    columns[f'Temperature {found["temperature"]:.2f}'] = found['after']
  rows = [
    _measure(name, [x[name] for x in columns.values()])
    for name in ('ece', 'brier', 'nll')
  ]
  # The text above the table says why the calibration error has no interval.
  rows[0] = [cell._replace(detail='') for cell in rows[0]]
  return blocks.Table(
    'Calibration of slices; less is better; '
    f'with {interval_lib.LEVEL_TEXT} intervals of the means',
    ['Measure', *columns],
    rows,
  )


def thresholds(numbers: Numbers) -> blocks.Table:
  """Returns the operating points; those of a class absent on val say so."""
  found = numbers['operating_points']
  on_val = f'{found["chosen_on"]}_sensitivity'
  measures = operating_points.MEASURES
  rows = []
  for point in found['points']:
    row = blocks.cells(point['class'], f'{100 * point["wanted_sensitivity"]:g}')
    if 'missing' in point:
      row += blocks.cells(point['missing'], *[''] * (1 + len(measures)))
    else:
      row += [
        blocks.Cell(
          measure_text.probability(point['threshold']),
          _range(point, 'threshold', measure_text.probability),
        ),
        blocks.Cell(measure_text.share(point[on_val])),
      ]
      row += [blocks.cell(point[x], x) for x in measures]
    rows.append(row)
  return blocks.Table(
    'One class against the rest at a threshold on its probability, in percent, '
    + _INTERVALS,
    [
      'Class',
      'Wanted sensitivity',
      'Threshold',
      f'Sensitivity on {found["chosen_on"]}',
      *(measure_text.HEADINGS[x].removesuffix(', %') for x in measures),
    ],
    rows,
  )


def energy(found: Numbers) -> blocks.Table:
  """Returns how much of the maps lies in the box, overall and by class."""
  groups = {'All': found['all'], **found['by_class']}
  return blocks.Table(
    f'Share of the map that lies in the box, in percent, {_INTERVALS}, '
    'and the mean share of these slices that the box covers',
    [
      'Class',
      'Slices',
      'Patients',
      'Of the map in the box',
      'Of the slice in the box',
    ],
    [
      [
        *blocks.cells(name, group['slices'], group['patients'] or _UNKNOWN),
        blocks.cell(group['inside'], 'inside'),
        blocks.Cell(measure_text.share(group['area'])),
      ]
      for name, group in groups.items()
    ],
  )


def randomization(found: Numbers) -> blocks.Table:
  """Returns how similar the maps stay to the original ones, by stage."""
  groups = {'All': found['all'], **found['by_class']}
  return blocks.Table(
    'Rank correlation with the original map (1: the same, 0: unrelated), mean '
    'of all shuffles, and the smallest and the largest of a single one',
    ['Shuffled from the head to', *groups],
    [
      [
        blocks.Cell(_STAGES.get(stage, stage)),
        *(_similarity(group[stage]) for group in groups.values()),
      ]
      for stage in found['all']
    ],
  )


def _similarity(found: Mapping[str, float]) -> blocks.Cell:
  # Adding 0.0 turns -0.0 into 0.0.
  mean, low, high = (
    f'{round(found[key], 2) + 0.0:.2f}' for key in ('mean', 'low', 'high')
  )
  is_one = found['low'] == found['high']
  return blocks.Cell(mean, '' if is_one else f'{low} to {high}')


def _measure(measure: str, found: Iterable[Numbers]) -> list[blocks.Cell]:
  """Returns a row: the heading of a measure, then a cell for each value."""
  heading = blocks.Cell(measure_text.HEADINGS[measure])
  return [heading, *(blocks.cell(value, measure) for value in found)]
