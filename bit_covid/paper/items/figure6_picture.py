# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The picture of Figure 6: two sweeps, the effect of mixup, all runs."""

from collections.abc import Mapping, Sequence
import dataclasses
import math

from matplotlib import axes as mpl_axes
from matplotlib import figure as mpl_figure
import numpy as np

from bit_covid.analysis import bootstrap
from bit_covid.analysis import figures
from bit_covid.analysis import repeated_runs
from bit_covid.paper import collected
from bit_covid.paper import grid
from bit_covid.paper import labels
from bit_covid.paper import marks
from bit_covid.paper import published_points
from bit_covid.paper import rows as rows_lib
from bit_covid.paper import scales

_SHARED = grid.Run(grid.BEST)
_BY_RESOLUTION = [
  dataclasses.replace(_SHARED, resolution=x) for x in grid.RESOLUTIONS
]
_BY_SCHEDULE = [
  dataclasses.replace(_SHARED, schedule=x) for x in grid.SCHEDULES
]
_NAMES = {True: 'with mixup', False: 'without mixup'}
_Rows = Mapping[grid.Run, rows_lib.Row]


def draw(
  request: collected.Request,
  rows: _Rows,
  differences: Mapping[grid.Run, bootstrap.Difference],
) -> mpl_figure.Figure:
  """Returns panels A and B, differences below, then all combinations."""
  heights = [2.5, 1.9] if request.sweeps else [2.5, 1.9, 2.3]
  figure = figures.new(sum(heights) + 1.3)
  panels = figure.subplots(
    len(heights), 2, sharey='row', gridspec_kw={'height_ratios': heights}
  )
  for i, runs in enumerate((_BY_RESOLUTION, _BY_SCHEDULE)):
    _accuracies(panels[0, i], runs, rows)
    panels[0, i].set_title('AB'[i], loc='left', fontsize=10, fontweight='bold')
    _differences(panels[1, i], [differences.get(run) for run in runs])
    for axes in panels[:2, i]:
      _ticks(axes, request.scale, runs)
  panels[0, 0].set_ylabel('Accuracy on test, %', fontsize=9)
  panels[1, 0].set_ylabel('With minus without\nmixup, points', fontsize=9)
  if not request.sweeps:
    _heat_maps(panels[2], request.scale, rows)
  marks.legend(
    figure,
    seeds=rows_lib.most_seeds(rows.values()),
    others=[
      marks.series(name, i, marker=figures.marker(i))
      for i, name in enumerate(_NAMES.values())
    ],
  )
  return figure


def _accuracies(
  axes: mpl_axes.Axes, runs: Sequence[grid.Run], rows: _Rows
) -> None:
  figures.plain(axes)
  numbers = {
    mixup: [rows[dataclasses.replace(x, mixup=mixup)].number for x in runs]
    for mixup in _NAMES
  }
  for i, values in enumerate(numbers.values()):
    places = [place + 0.16 * (i - 0.5) for place in range(len(runs))]
    marks.curve(axes, places, values, index=i)
  for known in published_points.SHARED:
    # Beside the two points that are measured there.
    marks.published(axes, runs.index(_SHARED) + 0.3, known.value)
  for place, pair in enumerate(zip(*numbers.values(), strict=True)):
    if not any(pair):
      marks.note(axes, place, 'not run yet')


def _differences(
  axes: mpl_axes.Axes, differences: Sequence[bootstrap.Difference | None]
) -> None:
  figures.plain(axes)
  axes.axhline(0, color=figures.GRAY, linewidth=1)
  for place, found in enumerate(differences):
    if found:
      marks.measured(
        axes,
        place,
        # Seeds are not paired: their differences have no extremes.
        repeated_runs.Repeated(*found[:3], math.nan, math.nan),
        colour=figures.series_colour(2),
        marker=figures.marker(2),
      )


def _ticks(
  axes: mpl_axes.Axes, scale: scales.Scale, runs: Sequence[grid.Run]
) -> None:
  if runs == _BY_RESOLUTION:
    what, texts = 'Resize x crop', _resolutions(scale)
  else:
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
  values = np.stack([_values(rows, mixup=mixup) for mixup in _NAMES])
  is_empty = np.isnan(values).all()
  low, high = (0, 1) if is_empty else (np.nanmin(values), np.nanmax(values))
  for axes, part, name in zip(panels, values, _NAMES.values(), strict=True):
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
    axes.set_title(f'Accuracy, %, {name}', fontsize=9)
    _ticks(axes, scale, _BY_SCHEDULE)
    axes.set_yticks(range(len(grid.RESOLUTIONS)), _resolutions(scale))
    axes.tick_params(length=0)


def _values(rows: _Rows, *, mixup: bool) -> np.ndarray:
  """Returns accuracies, resolutions in rows, schedules in columns."""
  numbers = [
    row.number.value if row.number else math.nan
    for run, row in rows.items()
    if run.mixup == mixup
  ]
  return np.reshape(numbers, (len(grid.RESOLUTIONS), len(grid.SCHEDULES)))
