# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The picture of Figure 8: few slices on the left, all on the right."""

from collections.abc import Mapping, Sequence
import itertools

from matplotlib import axes as mpl_axes
from matplotlib import figure as mpl_figure
from matplotlib import ticker

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
  low, high = left.get_ylim()
  for row in full:
    known = (row.published, row.number.value if row.number else None)
    for value in filter(marks.is_there, known):
      low, high = min(low, value - 2), max(high, value)
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
    part = [
      (scale.few_shot[x.per_class], row)
      for x, row in few.items()
      if (x.initialisation, x.per_class_by) == series
    ]
    places = [slices * _SHIFTS[i] for slices, _ in part]
    marks.curve(axes, places, [row.number for _, row in part], index=i)
    for slices, row in part:
      if row.published is not None:
        marks.published(axes, slices, row.published)
  axes.xaxis.set_major_locator(
    ticker.FixedLocator(list(scale.few_shot.values()))
  )
  axes.xaxis.set_major_formatter(
    ticker.FixedFormatter(
      [labels.stacked(labels.per_class(scale, x)) for x in scale.few_shot]
    )
  )
  axes.xaxis.set_minor_locator(ticker.NullLocator())
  slices = list(scale.few_shot.values())
  axes.set_xlim(slices[0] / 1.5, slices[-1] * 1.5)
  axes.tick_params(labelsize=8)
  axes.set_xlabel(f'Training slices a class{labels.below(scale)}', fontsize=9)
  axes.set_ylabel('Accuracy on test, %')


def _full(
  axes: mpl_axes.Axes, rows: Sequence[rows_lib.Row], bottom: float
) -> None:
  figures.plain(axes).grid(axis='x', visible=False)
  for place, row in enumerate(rows):
    is_measured = row.number is not None
    value = row.number.value if is_measured else row.published
    if row.kind != rows_lib.PUBLISHED and not is_measured:
      marks.not_run(axes, place, row.status, across=False)
    else:
      axes.bar(
        place,
        value - bottom,
        0.7,
        bottom=bottom,
        **_style(row),
      )
      axes.annotate(
        f'{value:.1f}',
        # At the foot of the bar: at its top there may be a diamond.
        (place, bottom),
        (0, 4),
        textcoords='offset points',
        ha='center',
        fontsize=7.5,
      )
    if row.kind != rows_lib.PUBLISHED and row.published is not None:
      marks.published(axes, place, row.published)
  axes.set_xticks(
    range(len(rows)), [_name(row) for row in rows], rotation=90, fontsize=8
  )
  axes.set_xlim(-0.6, len(rows) - 0.4)
  axes.tick_params(axis='y', length=0)
  axes.set_xlabel('All slices', fontsize=9)


def _style(row: rows_lib.Row) -> dict[str, object]:
  if row.kind == rows_lib.PUBLISHED:
    return {'facecolor': 'none', 'edgecolor': 'black'}
  colour = marks.LIVE if row.kind == rows_lib.LIVE else marks.OURS
  # Pale, as a black diamond may lie on it.
  return {'color': colour, 'alpha': 0.5}


def _name(row: rows_lib.Row) -> str:
  name = row.label.removeprefix('COVID-Net ')
  return name.replace(', run here', ',\nrun here')
