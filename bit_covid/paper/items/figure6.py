# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Figure 6: accuracy by resolution and by schedule, with and without mixup."""

from collections.abc import Mapping, Sequence
import dataclasses
import math
from typing import Any

from matplotlib import axes as mpl_axes
from matplotlib import figure as mpl_figure
import numpy as np

from bit_covid.analysis import colours
from bit_covid.analysis import figures
from bit_covid.analysis import interval as interval_lib
from bit_covid.analysis import intervals
from bit_covid.paper import collect
from bit_covid.paper import grid
from bit_covid.paper import labels
from bit_covid.paper import markdown
from bit_covid.paper import marks
from bit_covid.paper import published_points
from bit_covid.paper import rows as rows_lib
from bit_covid.paper import scales

# Where the two sweeps of the paper meet.
_SHARED = grid.Run(grid.BEST)
_BY_RESOLUTION = [
  dataclasses.replace(_SHARED, resolution=x) for x in grid.RESOLUTIONS
]
_BY_SCHEDULE = [
  dataclasses.replace(_SHARED, schedule=x) for x in grid.SCHEDULES
]
_NAMES = {True: 'with mixup', False: 'without mixup'}
# Those with mixup are compared with those without.
_Rows = Mapping[grid.Run, rows_lib.Row]


def make(request: collect.Request) -> collect.Collected:
  """Returns all combinations, or the paper's two sweeps through them."""
  runs, scale = request.runs, request.scale
  rows = {
    run: rows_lib.ours(runs, run, rows_lib.Measure())
    for run in grid.figure6(sweeps=request.sweeps)
  }
  for run, row in rows.items():
    if run.mixup:
      without = rows[_with(run, mixup=False)].result
      rows[run] = rows_lib.compared(runs, row, without)
  accuracies = {
    run: row.text() if row.result else row.status for run, row in rows.items()
  }
  differences = {run: row.difference_text() for run, row in rows.items()}
  return collect.Collected(
    title='Figure 6. Resolution, schedule and mixup, accuracy on test',
    records=_records(scale, rows),
    tables=[
      _table(scale, 'With mixup, %', accuracies),
      _table(scale, 'Without mixup, %', accuracies, mixup=False),
      _table(scale, 'With minus without mixup, points', differences),
    ],
    notes=_notes(sweeps=request.sweeps),
    figure=_draw(scale, rows, sweeps=request.sweeps),
  )


def _with(run: grid.Run, *, mixup: bool) -> grid.Run:
  return dataclasses.replace(run, mixup=mixup)


def _records(scale: scales.Scale, rows: _Rows) -> list[dict[str, Any]]:
  ours, differences = [], []
  for run, row in rows.items():
    resize, crop = scale.resolutions[run.resolution]
    setting = {
      # The paper's names, and what was run.
      'resolution': run.resolution,
      'schedule': run.schedule,
      'resize': resize,
      'crop': crop,
      'steps': scale.schedules[run.schedule][-1],
    }
    ours.append({**setting, 'mixup': run.mixup, **row.record()})
    if row.difference:
      differences.append(
        {
          **setting,
          'mixup': 'with minus without',
          'kind': rows_lib.OURS,
          'model': grid.BEST,
          'split': 'test',
          'measure': 'accuracy_difference',
          'unit': 'percentage points',
          **rows_lib.counts(row.result),
          **row.difference._asdict(),
        }
      )
  return [*ours, *differences, *map(_published, published_points.SHARED)]


def _published(point: published_points.Point) -> dict[str, Any]:
  return {
    'kind': rows_lib.PUBLISHED,
    'resolution': _SHARED.resolution,
    'schedule': _SHARED.schedule,
    'mixup': True,
    'model': grid.BEST,
    'split': 'test',
    'measure': 'accuracy',
    'unit': 'percent',
    'published': point.value,
    'source': point.source,
  }


def _table(
  scale: scales.Scale,
  title: str,
  cells: Mapping[grid.Run, str],
  *,
  mixup: bool = True,
) -> markdown.Table:
  heading = f'Resolution{labels.unless_paper(scale, labels.BRACKETS)}'
  rows = []
  for resolution in grid.RESOLUTIONS:
    row = {heading: labels.resolution(scale, resolution)}
    for schedule in grid.SCHEDULES:
      run = grid.Run(grid.BEST, resolution, schedule, mixup)
      steps = f'{labels.steps(scale, schedule)} steps'
      row[steps] = cells.get(run, markdown.NONE)
    rows.append(row)
  return markdown.Table(title, rows)


def _notes(*, sweeps: bool) -> list[str]:
  shared = ' and '.join(f'{x.value:.1f}' for x in published_points.SHARED)
  return [
    f'{grid.BEST}, mean over the seeds; in brackets the '
    f'{interval_lib.LEVEL_TEXT} interval over patients, for differences paired '
    'by patient with and without mixup.',
    'The two sweeps of the paper only; they share a point, which it ran twice '
    'and we once.'
    if sweeps
    else 'All 32 combinations; the paper shows 16 points, two sweeps.',
    'Of the figure of the paper only a picture is published. The diamonds are '
    f'{shared} % of its Tables 1 and 3, which are of the setting that the '
    'sweeps share, with mixup.',
  ]


def _draw(
  scale: scales.Scale, rows: _Rows, *, sweeps: bool
) -> mpl_figure.Figure:
  """Returns panels A and B, differences below, then all combinations."""
  heights = [2.5, 1.9] if sweeps else [2.5, 1.9, 2.3]
  figure = figures.new(sum(heights) + 1.3)
  panels = figure.subplots(
    len(heights), 2, sharey='row', gridspec_kw={'height_ratios': heights}
  )
  for i, runs in enumerate((_BY_RESOLUTION, _BY_SCHEDULE)):
    _curves(panels[0, i], runs, rows)
    panels[0, i].set_title('AB'[i], loc='left', fontsize=10, fontweight='bold')
    _differences(panels[1, i], [rows[run].difference for run in runs])
    for axes in panels[:2, i]:
      _ticks(axes, scale, runs)
  panels[0, 0].set_ylabel('Accuracy on test, %', fontsize=9)
  panels[1, 0].set_ylabel('With minus without\nmixup, points', fontsize=9)
  if not sweeps:
    _heat_maps(panels[2], scale, rows)
  seeds = rows_lib.most_seeds(rows.values())
  marks.legend(figure, seeds=seeds, series=list(_NAMES.values()))
  return figure


def _curves(axes: mpl_axes.Axes, runs: Sequence[grid.Run], rows: _Rows) -> None:
  figures.plain(axes)
  numbers = [
    [rows[_with(run, mixup=mixup)].number for run in runs] for mixup in _NAMES
  ]
  for i, values in enumerate(numbers):
    places = [place + 0.16 * (i - 0.5) for place in range(len(runs))]
    marks.curve(axes, places, values, index=i)
  for known in published_points.SHARED:
    # Beside the two points that are measured there.
    marks.published(axes, runs.index(_SHARED) + 0.3, known.value)
  for place, pair in enumerate(zip(*numbers, strict=True)):
    if not any(pair):
      marks.note(axes, place, 'not run yet')


def _differences(
  axes: mpl_axes.Axes, differences: Sequence[interval_lib.Interval | None]
) -> None:
  figures.plain(axes)
  axes.axhline(0, color=colours.GRAY, linewidth=1)
  style = {'colour': figures.series_colour(2), 'marker': figures.marker(2)}
  for place, found in enumerate(differences):
    if found:
      # Seeds are not paired: their differences have no extremes.
      number = intervals.Repeated(*found[:3], math.nan, math.nan)
      marks.measured(axes, place, number, **style)


def _ticks(
  axes: mpl_axes.Axes, scale: scales.Scale, runs: Sequence[grid.Run]
) -> None:
  what, texts = 'Resize x crop', _resolutions(scale)
  if runs == _BY_SCHEDULE:
    what = 'Steps'
    texts = [labels.stacked(labels.steps(scale, x)) for x in grid.SCHEDULES]
  axes.set_xticks(range(len(texts)), texts)
  axes.tick_params(labelsize=6.8)
  axes.set_xlim(-0.5, len(texts) - 0.5)
  below = labels.unless_paper(scale, labels.BELOW)
  axes.set_xlabel(f'{what}{below}', fontsize=8)


def _resolutions(scale: scales.Scale) -> list[str]:
  return [labels.stacked(labels.resolution(scale, x)) for x in grid.RESOLUTIONS]


def _heat_maps(
  panels: Sequence[mpl_axes.Axes], scale: scales.Scale, rows: _Rows
) -> None:
  numbers = [
    row.number.value if row.number else math.nan for row in rows.values()
  ]
  shape = (len(grid.RESOLUTIONS), len(grid.SCHEDULES), len(_NAMES))
  values = np.reshape(numbers, shape)
  is_empty = np.isnan(values).all()
  low, high = (0, 1) if is_empty else (np.nanmin(values), np.nanmax(values))
  for k, axes in enumerate(panels):
    part = values[..., k]
    axes.imshow(part, cmap='Blues', vmin=low, vmax=high, aspect='auto')
    for (i, j), value in np.ndenumerate(part):
      axes.text(
        j,
        i,
        'not run' if np.isnan(value) else f'{value:.1f}',
        ha='center',
        va='center',
        fontsize=6.5 if np.isnan(value) else 8,
        color='white' if value > (low + high) / 2 else 'black',
      )
    axes.set_title(f'Accuracy, %, {_NAMES[k == 0]}', fontsize=9)
    _ticks(axes, scale, _BY_SCHEDULE)
    axes.set_yticks(range(len(grid.RESOLUTIONS)), _resolutions(scale))
    axes.tick_params(length=0)
