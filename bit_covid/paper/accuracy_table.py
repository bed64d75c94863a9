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

_PATIENTS = (
  f'Intervals are {bootstrap.LEVEL_TEXT}, by a bootstrap over patients of the '
  'mean over the seeds: they say how much the choice of patients matters, not '
  'how much another training would differ. That is what the smallest and the '
  'largest seed are for.'
)
_DIFFERENCE = (
  f'Differences are to {grid.BEST}, in percentage points, the same patients '
  'drawn for both; where the interval leaves out 0, they are more than the '
  'choice of patients explains.'
)
NOTES = (_PATIENTS, _DIFFERENCE)


def differences(
  runs: results.Runs, rows: Sequence[rows_lib.Row]
) -> list[bootstrap.Difference | None]:
  """Returns each row minus the best initialisation on the same split."""
  found = []
  for row in rows:
    best = runs.result(grid.Run(grid.BEST), row.measure.split)
    is_best = row.kind == rows_lib.OURS and row.model == grid.BEST
    found.append(
      None
      if row.result is None or best is None or is_best
      else runs.difference(best, row.result)
    )
  return found


def records(
  rows: Sequence[rows_lib.Row],
  found: Sequence[bootstrap.Difference | None],
) -> list[dict[str, Any]]:
  """Returns the rows of the CSV, with errors and differences."""
  return [
    row.record() | _errors(row.result) | _difference(difference)
    for row, difference in zip(rows, found, strict=True)
  ]


def table(
  title: str,
  rows: Sequence[rows_lib.Row],
  found: Sequence[bootstrap.Difference | None],
) -> markdown.Table:
  """Returns the table of the markdown."""
  return markdown.Table(
    title,
    [
      'Model',
      'Here, %',
      f'{bootstrap.LEVEL_TEXT} interval',
      'Seeds',
      'Smallest to largest',
      'Slice errors',
      f'Minus {grid.BEST}',
      'Published, %',
    ],
    [
      _cells(row, difference)
      for row, difference in zip(rows, found, strict=True)
    ],
  )


def _cells(
  row: rows_lib.Row, difference: bootstrap.Difference | None
) -> list[str]:
  printed = markdown.number(row.published, 1)
  if row.result is None:
    is_published = row.kind == rows_lib.PUBLISHED
    reason = markdown.NONE if is_published else row.status
    return [row.label, reason, *[markdown.NONE] * 5, printed]
  number, places = row.number, markdown.decimals(row.result.slices)
  return [
    row.label,
    markdown.number(number.value, places),
    markdown.between(number.low, number.high, places),
    row.status,
    spread(row.result, number.smallest, number.largest, places),
    _error_text(row.result.errors),
    markdown.NONE if difference is None else _signed(difference, places),
    printed,
  ]


def spread(
  result: results.Result, smallest: float, largest: float, places: int
) -> str:
  """Returns the range over the seeds, a dash if there is only one."""
  if len(result.seeds) == 1:
    return markdown.NONE
  return markdown.between(smallest, largest, places)


def _signed(difference: bootstrap.Difference, places: int) -> str:
  value = markdown.number(difference.value, places, sign=True)
  bounds = markdown.between(difference.low, difference.high, places, sign=True)
  return f'{value} ({bounds})' if bounds != markdown.NONE else value


def _error_text(errors: Sequence[int]) -> str:
  if len(errors) == 1:
    return f'{errors[0]:,}'
  mean = sum(errors) / len(errors)
  return f'{mean:,.1f} ({min(errors):,} to {max(errors):,})'


def _errors(result: results.Result | None) -> dict[str, Any]:
  errors = result.errors if result else []
  return {
    'errors_mean': sum(errors) / len(errors) if errors else None,
    'errors_smallest': min(errors, default=None),
    'errors_largest': max(errors, default=None),
  }


def _difference(difference: bootstrap.Difference | None) -> dict[str, Any]:
  names = bootstrap.Difference._fields
  values = difference or [None] * len(names)
  return {
    f'minus_{grid.BEST.lower().replace("-", "_")}_{name}': value
    for name, value in zip(names, values, strict=True)
  }
