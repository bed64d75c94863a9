# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The picture of Figure 8: few slices on the left, all on the right."""

from collections.abc import Mapping, Sequence
import itertools

from matplotlib import axes as mpl_axes
from matplotlib import figure as mpl_figure

from bit_covid.analysis import figures
from bit_covid.paper import grid
from bit_covid.paper import labels
from bit_covid.paper import marks
from bit_covid.paper import rows as rows_lib
from bit_covid.paper import scales

_SERIES = tuple(itertools.product((grid.BEST, 'Random'), ('slice', 'patient')))
# Where several points share an x, as factors of it.
_SHIFTS = (0.9, 0.97, 1.04, 1.11)


def draw(
  scale: scales.Scale,
  few: Mapping[grid.Run, rows_lib.Row],
  full: Sequence[rows_lib.Row],
) -> mpl_figure.Figure:
  """Returns two panels that share the axis of accuracy."""
  figure = figures.new(5.0)
  left, right = figure.subplots(
    1, 2, sharey=True, gridspec_kw={'width_ratios': [3, 2]}
  )
  _few(left, scale, few)
  full = rows_lib.once(full)
  values = [row.published for row in full]
  values += [row.number.value for row in full if row.number]
  values = list(filter(marks.is_there, values))
  low, high = left.get_ylim()
  low, high = min(low, min(values) - 2), max(high, *values)
  left.set_ylim(low, min(high + 0.05 * (high - low), 101))
  _full(right, full, low)
  marks.legend(
    figure,
    seeds=rows_lib.most_seeds(few.values()),
    others=[
      marks.series(f'{initialisation}, by {by}', i, marker=figures.marker(i))
      for i, (initialisation, by) in enumerate(_SERIES)
    ],
  )
  return figure


def _few(
  axes: mpl_axes.Axes,
  scale: scales.Scale,
  few: Mapping[grid.Run, rows_lib.Row],
) -> None:
  figures.plain(axes)
  axes.set_xscale('log')
  for i, series in enumerate(_SERIES):
    part = {
      scale.few_shot[x.per_class]: row
      for x, row in few.items()
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
    is_published = row.kind == rows_lib.PUBLISHED
    if is_published:
      style = {'facecolor': 'none', 'edgecolor': 'black'}
      _bar(axes, place, row.published, bottom, style)
    elif row.number is None:
      marks.note(axes, place, row.status)
    else:
      colour = marks.LIVE if row.kind == rows_lib.LIVE else marks.OURS
      # Pale, as a black diamond may lie on it.
      style = {'color': colour, 'alpha': 0.5}
      _bar(axes, place, row.number.value, bottom, style)
    if not is_published and row.published is not None:
      marks.published(axes, place, row.published)
  names = [
    row.label.removeprefix('COVID-Net ').replace(', run', ',\nrun')
    for row in rows
  ]
  axes.set_xticks(range(len(rows)), names, rotation=90, fontsize=8)
  axes.set_xlim(-0.6, len(rows) - 0.4)
  axes.tick_params(axis='y', length=0)
  axes.set_xlabel('All slices', fontsize=9)


def _bar(
  axes: mpl_axes.Axes,
  place: int,
  value: float,
  bottom: float,
  style: Mapping[str, object],
) -> None:
  axes.bar(place, value - bottom, 0.7, bottom=bottom, **style)
  axes.annotate(
    f'{value:.1f}',
    # At the foot of the bar: at its top there may be a diamond.
    (place, bottom),
    (0, 4),
    textcoords='offset points',
    ha='center',
    fontsize=7.5,
  )
