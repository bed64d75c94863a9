# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Table 1: accuracy on test, ours beside COVID-Net CT."""

import math

from bit_covid.analysis import published
from bit_covid.paper import accuracy_table
from bit_covid.paper import collected
from bit_covid.paper import dot_plot
from bit_covid.paper import grid
from bit_covid.paper import labels
from bit_covid.paper import rows as rows_lib

_OF = {row.model: row for row in published.ROWS}
_COUNTED = {
  x.model: sum(map(sum, x.counts)) - sum(x.counts[i][i] for i in range(3))
  for x in published.CONFUSIONS
}


def make(request: collected.Request) -> collected.Collected:
  """Returns the table and its picture."""
  measure = rows_lib.Measure()
  rows = [
    *rows_lib.covid_net(request.runs, measure),
    *(
      rows_lib.ours(
        request.runs,
        setting,
        measure=measure,
        published=_OF[setting.initialisation].accuracy,
        source=_OF[setting.initialisation].source,
      )
      for setting in grid.ITEMS['table1']()
    ),
  ]
  differences = accuracy_table.differences(request.runs, rows)
  records = accuracy_table.records(rows, differences)
  for record, row in zip(records, rows, strict=True):
    low, high = published_errors(row)
    record |= {'published_errors_low': low, 'published_errors_high': high}
  return collected.Collected(
    title='Table 1. Accuracy on the test split',
    records=records,
    tables=[accuracy_table.table('Accuracy', rows, differences)],
    notes=[
      f'Ours: {labels.settings(request.scale, grid.Run(grid.BEST))}.',
      *accuracy_table.NOTES,
      f'Published on {published.SLICES:,} slices of COVIDx CT-2A, one run '
      'each. In errors: '
      + '; '.join(map(_errors, rows_with_published(rows)))
      + '.',
    ],
    figure=dot_plot.draw({'Accuracy on test, %': rows}),
  )


def rows_with_published(rows: list[rows_lib.Row]) -> list[rows_lib.Row]:
  """Returns the rows with a published number, one for each model."""
  found = {row.model: row for row in rows if row.published is not None}
  return list(found.values())


def published_errors(row: rows_lib.Row) -> tuple[int | None, int | None]:
  """Returns how many errors a printed accuracy may stand for, at both ends.

  One decimal leaves some 25 numbers open; of a published confusion matrix the
  errors are counted.
  """
  if row.published is None:
    return None, None
  if row.model in _COUNTED:
    return _COUNTED[row.model], _COUNTED[row.model]
  low, high = (
    (100 - row.published + end) / 100 * published.SLICES
    for end in (-0.05, 0.05)
  )
  return math.ceil(low), math.floor(high)


def _errors(row: rows_lib.Row) -> str:
  low, high = published_errors(row)
  return f'{row.model} {low:,}' + (f' to {high:,}' if high > low else '')
