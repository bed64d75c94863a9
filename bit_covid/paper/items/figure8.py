# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Figure 8: accuracy on test by the number of training slices."""

from collections.abc import Sequence
import itertools
from typing import Any, NamedTuple

from matplotlib import axes as mpl_axes
from matplotlib import figure as mpl_figure
import numpy as np

from bit_covid.analysis import figures
from bit_covid.analysis import interval as interval_lib
from bit_covid.paper import collect
from bit_covid.paper import grid
from bit_covid.paper import labels
from bit_covid.paper import markdown
from bit_covid.paper import marks
from bit_covid.paper import published_points
from bit_covid.paper import rows as rows_lib
from bit_covid.paper import scales
from bit_covid.paper import tables

_FULL = grid.Run(grid.BEST)
_SERIES = tuple(itertools.product((grid.BEST, 'Random'), ('slice', 'patient')))
# Where several points share an x, as factors of it.
_SHIFTS = (0.9, 0.97, 1.04, 1.11)


class _Point(NamedTuple):
  """A setting with few slices, and its training patients for each seed."""

  setting: grid.Run
  row: rows_lib.Row
  patients: Sequence[int]


def make(request: collect.Request) -> collect.Collected:
  """Returns accuracies by slices of each class, and those on all slices."""
  runs, scale, measure = request.runs, request.scale, rows_lib.Measure()
  few = [_point(request, setting) for setting in grid.figure8()]
  full = [
    rows_lib.as_published(runs, _FULL, measure),
    *rows_lib.covid_net(runs, measure),
  ]
  return collect.Collected(
    title='Figure 8. Few training slices, accuracy on test',
    records=[
      *(_record(scale, point) for point in few),
      *({'per_class': 'all'} | row.record() for row in full),
    ],
    tables=[
      *(_table(scale, few, name) for name in (grid.BEST, 'Random')),
      tables.accuracies('All slices', full),
    ],
    notes=_notes(scale, few),
    figure=_draw(scale, few, rows_lib.once(full)),
  )


def _point(request: collect.Request, setting: grid.Run) -> _Point:
  known = None
  # The paper draws slices; patient by patient is ours.
  if setting.per_class_by == 'slice':
    key = (setting.initialisation, setting.per_class)
    known = published_points.FEW_SHOT.get(key)
  row = rows_lib.ours(request.runs, setting, rows_lib.Measure(), known=known)
  return _Point(setting, row, _patients(request, setting))


def _patients(request: collect.Request, setting: grid.Run) -> list[int]:
  """Returns the number of training patients of each seed, [] without data."""
  train = request.splits.get('train')
  if train is None:
    return []
  # TensorFlow: those who have the data have waited for it.
  from input_pipeline import examples

  chosen = [
    examples.few_shot_indices(
      train,
      per_class=request.scale.few_shot[run.per_class],
      by=run.per_class_by,
      seed=run.seed,
    )
    for run in request.runs.expected_of(setting)
  ]
  return [len(np.unique(train.patient_id[indices])) for indices in chosen]


def _record(scale: scales.Scale, point: _Point) -> dict[str, Any]:
  setting, row, patients = point
  return {
    'per_class': setting.per_class,
    'per_class_run': scale.few_shot[setting.per_class],
    'drawn_by': setting.per_class_by,
    'train_patients_mean': float(np.mean(patients)) if patients else None,
    'train_patients_smallest': min(patients, default=None),
    'train_patients_largest': max(patients, default=None),
    **row.record(),
  }


def _table(
  scale: scales.Scale, few: Sequence[_Point], initialisation: str
) -> markdown.Table:
  slices = f'Slices a class{labels.unless_paper(scale, labels.BRACKETS)}'
  return markdown.Table(
    f'{initialisation}, few slices',
    [
      {
        slices: labels.per_class(scale, setting.per_class),
        'Drawn by': setting.per_class_by,
        'Training patients': _range(patients),
        **tables.measured(row),
        'Published, %': markdown.number(row.published, 1),
      }
      for setting, row, patients in few
      if setting.initialisation == initialisation
    ],
  )


def _range(patients: Sequence[int]) -> str:
  if not patients:
    return markdown.NONE
  if min(patients) == max(patients):
    return f'{patients[0]:,}'
  return f'{np.mean(patients):,.0f} ({min(patients):,} to {max(patients):,})'


def _notes(scale: scales.Scale, few: Sequence[_Point]) -> list[str]:
  notes = [
    f'Few slices: {labels.settings(scale, few[0].setting)}, as BiT-HyperRule '
    'has it for little data; the paper does not say. All slices: '
    f'{labels.settings(scale, _FULL)}.',
    f'Each seed draws other slices. The interval is {interval_lib.LEVEL_TEXT}, '
    'over the test patients, of the mean over the seeds; smallest and largest '
    'are over the seeds.',
    'Drawn by slice, as in the paper, few slices are of nearly as many '
    'patients; by patient, they are all slices of one patient after the other.',
    "The diamonds are the two points that the paper's text gives, and its "
    'Table 1. Bars begin at the lower end of the axis, not at 0.',
  ]
  if not any(point.patients for point in few):
    notes.append(
      'The training split was not at hand: training patients are not counted.'
    )
  return notes


def _draw(
  scale: scales.Scale, few: Sequence[_Point], full: Sequence[rows_lib.Row]
) -> mpl_figure.Figure:
  """Returns few slices on the left, all on the right, on a common axis."""
  figure = figures.new(5.0)
  left, right = figure.subplots(
    1, 2, sharey=True, gridspec_kw={'width_ratios': [3, 2]}
  )
  _few(left, scale, few)
  values = [row.published for row in full if row.known]
  values += [row.number.value for row in full if row.number]
  low, high = left.get_ylim()
  low, high = min(low, min(values) - 2), max(high, *values)
  left.set_ylim(low, min(high + 0.05 * (high - low), 101))
  _full(right, full, low)
  marks.legend(
    figure,
    seeds=rows_lib.most_seeds(point.row for point in few),
    series=[f'{initialisation}, by {by}' for initialisation, by in _SERIES],
  )
  return figure


def _few(
  axes: mpl_axes.Axes, scale: scales.Scale, few: Sequence[_Point]
) -> None:
  figures.plain(axes)
  axes.set_xscale('log')
  for i, series in enumerate(_SERIES):
    part = {
      scale.few_shot[x.per_class]: row
      for x, row, _ in few
      if (x.initialisation, x.per_class_by) == series
    }
    places = [slices * _SHIFTS[i] for slices in part]
    marks.curve(axes, places, [row.number for row in part.values()], index=i)
    for slices, row in part.items():
      if row.published is not None:
        marks.published(axes, slices, row.published)
  slices = list(scale.few_shot.values())
  texts = [labels.stacked(labels.per_class(scale, x)) for x in scale.few_shot]
  axes.set_xticks(slices, texts)
  axes.set_xticks([], minor=True)
  axes.set_xlim(slices[0] / 1.5, slices[-1] * 1.5)
  axes.tick_params(labelsize=8)
  below = labels.unless_paper(scale, labels.BELOW)
  axes.set_xlabel(f'Training slices a class{below}', fontsize=9)
  axes.set_ylabel('Accuracy on test, %')


def _full(
  axes: mpl_axes.Axes, rows: Sequence[rows_lib.Row], bottom: float
) -> None:
  figures.plain(axes).grid(axis='x', visible=False)
  for place, row in enumerate(rows):
    value = row.number.value if row.number else None
    # Pale, as a black diamond may lie on it.
    style = {'color': marks.COLOURS.get(row.kind), 'alpha': 0.5}
    if row.kind == rows_lib.PUBLISHED:
      value = row.published
      style = {'facecolor': 'none', 'edgecolor': 'black'}
    elif row.published is not None:
      marks.published(axes, place, row.published)
    if value is None:
      marks.note(axes, place, row.status)
      continue
    axes.bar(place, value - bottom, 0.7, bottom=bottom, **style)
    # At the foot of the bar: at its top there may be a diamond.
    foot = {'xytext': (0, 4), 'textcoords': 'offset points', 'ha': 'center'}
    axes.annotate(f'{value:.1f}', (place, bottom), fontsize=7.5, **foot)
  names = [
    row.label.removeprefix('COVID-Net ').replace(', run', ',\nrun')
    for row in rows
  ]
  axes.set_xticks(range(len(rows)), names, rotation=90, fontsize=8)
  axes.set_xlim(-0.6, len(rows) - 0.4)
  axes.tick_params(axis='y', length=0)
  axes.set_xlabel('All slices', fontsize=9)
