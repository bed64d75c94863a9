# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What Tables 1 to 3 share: cells, and a picture with a line for each model."""

from collections.abc import Mapping, Sequence
import itertools
from typing import Any

from matplotlib import axes as mpl_axes
from matplotlib import figure as mpl_figure

from bit_covid.analysis import figures
from bit_covid.analysis import interval as interval_lib
from bit_covid.analysis import published
from bit_covid.paper import grid
from bit_covid.paper import markdown
from bit_covid.paper import marks
from bit_covid.paper import results
from bit_covid.paper import rows as rows_lib

NOTES = (
  f'Intervals are {interval_lib.LEVEL_TEXT}, over patients, of the mean over '
  'the seeds: they say how much the choice of patients matters, not how much '
  'another training would differ. That is what the smallest and the largest '
  'seed are for.',
  f'Differences are to {grid.BEST}, in percentage points, paired by patient; '
  'where the interval leaves out 0, they are more than the choice of patients '
  'explains.',
)


def compared(
  runs: results.Runs, rows: Sequence[rows_lib.Row]
) -> list[rows_lib.Row]:
  """Returns the rows with their differences to the best initialisation."""
  found = []
  for row in rows:
    if row.kind != rows_lib.OURS or row.model != grid.BEST:
      best = runs.result(grid.Run(grid.BEST), row.measure.split)
      row = rows_lib.compared(runs, row, best)
    found.append(row)
  return found


def record(row: rows_lib.Row) -> dict[str, Any]:
  """Returns the row of the CSV, with errors and the difference."""
  errors = row.result.errors if row.result else []
  names = interval_lib.Interval._fields
  prefix = f'minus_{grid.BEST.lower().replace("-", "_")}'
  return {
    **row.record(),
    'errors_mean': sum(errors) / len(errors) if errors else None,
    'errors_smallest': min(errors, default=None),
    'errors_largest': max(errors, default=None),
    **{f'{prefix}_{x}': getattr(row.difference, x, None) for x in names},
  }


def accuracies(title: str, rows: Sequence[rows_lib.Row]) -> markdown.Table:
  """Returns the table of the markdown."""
  return markdown.Table(
    title,
    [
      {
        'Model': row.label,
        **measured(row),
        'Slice errors': _errors(row),
        f'Minus {grid.BEST}': row.difference_text(),
        'Published, %': markdown.number(row.published, 1),
      }
      for row in rows
    ],
  )


def measured(row: rows_lib.Row) -> dict[str, str]:
  """Returns the cells of a mean, its interval, and the range over the seeds."""
  if row.result is None:
    is_published = row.kind == rows_lib.PUBLISHED
    values = [markdown.NONE if is_published else row.status]
    values += [markdown.NONE] * 3
  else:
    number, places = row.number, row.result.places
    values = [
      markdown.number(number.value, places),
      markdown.between(number.low, number.high, places),
      row.status,
      markdown.between(number.smallest, number.largest, places)
      if len(row.result.seeds) > 1
      else markdown.NONE,
    ]
  interval = f'{interval_lib.LEVEL_TEXT} interval'
  headings = ('Here, %', interval, 'Seeds', 'Smallest to largest')
  return dict(zip(headings, values, strict=True))


def _errors(row: rows_lib.Row) -> str:
  if row.result is None:
    return markdown.NONE
  errors = row.result.errors
  if len(errors) == 1:
    return f'{errors[0]:,}'
  mean = sum(errors) / len(errors)
  return f'{mean:,.1f} ({min(errors):,} to {max(errors):,})'


def draw(panels: Mapping[str, Sequence[rows_lib.Row]]) -> mpl_figure.Figure:
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
