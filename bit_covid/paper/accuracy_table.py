# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The table of accuracies that Tables 1 and 3 share."""

from collections.abc import Sequence
from typing import Any

from bit_covid.analysis import bootstrap
from bit_covid.paper import grid
from bit_covid.paper import markdown
from bit_covid.paper import results
from bit_covid.paper import rows as rows_lib

NOTES = (
  f'Intervals are {bootstrap.LEVEL_TEXT}, by a bootstrap over patients of the '
  'mean over the seeds: they say how much the choice of patients matters, not '
  'how much another training would differ. That is what the smallest and the '
  'largest seed are for.',
  f'Differences are to {grid.BEST}, in percentage points, the same patients '
  'drawn for both; where the interval leaves out 0, they are more than the '
  'choice of patients explains.',
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
  names = bootstrap.Difference._fields
  prefix = f'minus_{grid.BEST.lower().replace("-", "_")}'
  return {
    **row.record(),
    'errors_mean': sum(errors) / len(errors) if errors else None,
    'errors_smallest': min(errors, default=None),
    'errors_largest': max(errors, default=None),
    **{f'{prefix}_{x}': getattr(row.difference, x, None) for x in names},
  }


def table(title: str, rows: Sequence[rows_lib.Row]) -> markdown.Table:
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
  interval = f'{bootstrap.LEVEL_TEXT} interval'
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
