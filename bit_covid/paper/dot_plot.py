# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The picture of a table: a line for each model, with published numbers."""

from collections.abc import Mapping, Sequence
import itertools

from matplotlib import axes as mpl_axes
from matplotlib import figure as mpl_figure

from bit_covid.analysis import figures
from bit_covid.analysis import published
from bit_covid.paper import marks
from bit_covid.paper import rows as rows_lib


def draw(
  panels: Mapping[str, Sequence[rows_lib.Row]],
) -> mpl_figure.Figure:
  """Returns a panel for each title; the classes of a model share a line."""
  models = {title: _by_model(rows) for title, rows in panels.items()}
  heights = [
    0.6 + (0.27 + 0.05 * max(map(len, groups))) * len(groups)
    for groups in models.values()
  ]
  figure = figures.new(sum(heights) + 0.7)
  axes = figure.subplots(
    len(panels), 1, squeeze=False, gridspec_kw={'height_ratios': heights}
  )[:, 0]
  for panel, (title, groups) in zip(axes, models.items(), strict=True):
    _panel(panel, title, groups)
  rows = list(itertools.chain.from_iterable(panels.values()))
  marks.legend(
    figure,
    seeds=rows_lib.most_seeds(rows),
    has_published=any(row.published is not None for row in rows),
    others=[
      marks.handle(
        published.CLASS_NAMES[i],
        colour=figures.colour(i),
        marker=figures.marker(i),
        linestyle='',
      )
      for i in sorted({x.measure.class_index for x in rows} - {None})
    ],
  )
  return figure


def _by_model(rows: Sequence[rows_lib.Row]) -> list[list[rows_lib.Row]]:
  groups = itertools.groupby(rows_lib.once(rows), lambda row: row.label)
  return [list(group) for _, group in groups]


def _panel(
  axes: mpl_axes.Axes, title: str, groups: Sequence[Sequence[rows_lib.Row]]
) -> None:
  figures.plain(axes).grid(axis='y', visible=False)
  for place, group in enumerate(groups):
    for i, row in enumerate(group):
      _row(axes, place + 0.24 * (i - (len(group) - 1) / 2), row)
  axes.set_yticks(range(len(groups)), [_name(group[0]) for group in groups])
  axes.tick_params(labelsize=9)
  axes.set_ylim(len(groups) - 0.4, -0.6)
  axes.margins(x=0.06)
  axes.set_xlabel(title, fontsize=9)


def _row(axes: mpl_axes.Axes, place: float, row: rows_lib.Row) -> None:
  index = row.measure.class_index
  if index is None:
    colour, known_colour = marks.COLOURS.get(row.kind), 'black'
  else:
    colour = known_colour = figures.colour(index)
  if row.number:
    marker = figures.marker(index or 0)
    marks.measured(
      axes, place, row.number, colour=colour, marker=marker, across=True
    )
  if row.published is not None:
    marks.published(
      axes, place, row.published, colour=known_colour, across=True
    )


def _name(row: rows_lib.Row) -> str:
  name = row.label.replace(', run', ',\nrun')
  is_missing = row.kind != rows_lib.PUBLISHED and row.result is None
  return f'{name}\n({row.status})' if is_missing else name
