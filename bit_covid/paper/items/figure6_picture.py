# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The picture of Figure 6: two sweeps, the effect of mixup, all runs."""

from collections.abc import Mapping, Sequence
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

# The settings that are the same for all points of a sweep.
_RESOLUTION, _SCHEDULE = '512x480', '10k'
_NAMES = {True: 'with mixup', False: 'without mixup'}
_Point = tuple[str, str]


def draw(
  request: collected.Request,
  rows: Mapping[tuple[str, str, bool], rows_lib.Row],
  differences: Mapping[_Point, bootstrap.Difference],
) -> mpl_figure.Figure:
  """Returns panels A and B, differences below, then all combinations."""
  sweeps = (
    [(resolution, _SCHEDULE) for resolution in grid.RESOLUTIONS],
    [(_RESOLUTION, schedule) for schedule in grid.SCHEDULES],
  )
  heights = [2.5, 1.9] if request.sweeps else [2.5, 1.9, 2.3]
  figure = figures.new(sum(heights) + 1.3)
  panels = figure.subplots(
    len(heights), 2, sharey='row', gridspec_kw={'height_ratios': heights}
  )
  for axes, points, name in zip(panels[0], sweeps, 'AB', strict=True):
    _accuracies(axes, points, rows)
    axes.set_title(name, loc='left', fontsize=10, fontweight='bold')
    _ticks(axes, request, points)
  for axes, points in zip(panels[1], sweeps, strict=True):
    _differences(axes, points, differences)
    _ticks(axes, request, points)
  panels[0, 0].set_ylabel('Accuracy on test, %', fontsize=9)
  panels[1, 0].set_ylabel('With minus without\nmixup, points', fontsize=9)
  if not request.sweeps:
    _heat_maps(panels[2], request, rows)
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
  axes: mpl_axes.Axes,
  points: Sequence[_Point],
  rows: Mapping[tuple[str, str, bool], rows_lib.Row],
) -> None:
  figures.plain(axes)
  for i, mixup in enumerate(_NAMES):
    numbers = [rows[*point, mixup].number for point in points]
    places = [place + 0.16 * (i - 0.5) for place in range(len(points))]
    marks.curve(axes, places, numbers, index=i)
  for known in published_points.SHARED:
    place = points.index((_RESOLUTION, _SCHEDULE))
    # Beside the two points that are measured there.
    marks.published(axes, place + 0.3, known.accuracy)
  for place, point in enumerate(points):
    if not any(rows[*point, mixup].number for mixup in _NAMES):
      marks.not_run(axes, place, 'not run yet', across=False)


def _differences(
  axes: mpl_axes.Axes,
  points: Sequence[_Point],
  differences: Mapping[_Point, bootstrap.Difference],
) -> None:
  figures.plain(axes)
  axes.axhline(0, color=figures.GRAY, linewidth=1)
  for place, point in enumerate(points):
    if point in differences:
      value, low, high, _ = differences[point]
      marks.measured(
        axes,
        place,
        # Seeds are not paired: their differences have no extremes.
        repeated_runs.Repeated(value, low, high, math.nan, math.nan),
        colour=figures.series_colour(2),
        marker=figures.marker(2),
      )


def _ticks(
  axes: mpl_axes.Axes, request: collected.Request, points: Sequence[_Point]
) -> None:
  is_resolution = points[0][0] != points[1][0]
  texts = [
    labels.resolution(request.scale, resolution)
    if is_resolution
    else labels.steps(request.scale, schedule)
    for resolution, schedule in points
  ]
  axes.set_xticks(range(len(points)), [labels.stacked(x) for x in texts])
  axes.tick_params(labelsize=6.8)
  axes.set_xlim(-0.5, len(points) - 0.5)
  what = 'Resize x crop' if is_resolution else 'Steps'
  axes.set_xlabel(f'{what}{labels.below(request.scale)}', fontsize=8)


def _heat_maps(
  panels: Sequence[mpl_axes.Axes],
  request: collected.Request,
  rows: Mapping[tuple[str, str, bool], rows_lib.Row],
) -> None:
  values = {mixup: _values(rows, mixup) for mixup in _NAMES}
  every = np.stack(list(values.values()))
  is_empty = np.isnan(every).all()
  bounds = (0, 1) if is_empty else (np.nanmin(every), np.nanmax(every))
  for axes, (mixup, name) in zip(panels, _NAMES.items(), strict=True):
    axes.imshow(
      values[mixup], cmap='Blues', vmin=bounds[0], vmax=bounds[1], aspect='auto'
    )
    middle = sum(bounds) / 2
    for (i, j), value in np.ndenumerate(values[mixup]):
      axes.text(
        j,
        i,
        'not run' if np.isnan(value) else f'{value:.1f}',
        ha='center',
        va='center',
        fontsize=6.5 if np.isnan(value) else 8,
        color='white' if value > middle else 'black',
      )
    axes.set_title(f'Accuracy, %, {name}', fontsize=9)
    _ticks(axes, request, [(_RESOLUTION, x) for x in grid.SCHEDULES])
    axes.set_yticks(
      range(len(grid.RESOLUTIONS)),
      [
        labels.stacked(labels.resolution(request.scale, x))
        for x in grid.RESOLUTIONS
      ],
    )
    axes.tick_params(length=0)


def _values(
  rows: Mapping[tuple[str, str, bool], rows_lib.Row], mixup: bool
) -> np.ndarray:
  """Returns accuracies, resolutions in rows, schedules in columns."""
  numbers = [
    [rows[resolution, schedule, mixup].number for schedule in grid.SCHEDULES]
    for resolution in grid.RESOLUTIONS
  ]
  return np.array(
    [[math.nan if x is None else x.value for x in row] for row in numbers]
  )
