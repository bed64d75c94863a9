# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Table 1: accuracy on test, ours beside COVID-Net CT."""

import math

import numpy as np

from bit_covid.analysis import published
from bit_covid.paper import collect
from bit_covid.paper import grid
from bit_covid.paper import labels
from bit_covid.paper import rows as rows_lib
from bit_covid.paper import tables

_COUNTED = {
  x.model: int(np.sum(x.counts) - np.trace(x.counts))
  for x in published.CONFUSIONS
}


def make(request: collect.Request) -> collect.Collected:
  """Returns the table and its picture."""
  rows = tables.compared(
    request.runs,
    rows_lib.with_covid_net(
      request.runs, grid.ITEMS['table1'], rows_lib.Measure()
    ),
  )
  known = [row for row in rows if row.published is not None]
  # One for each model.
  errors = {row.model: _published_errors(row) for row in known}
  ends = ('published_errors_low', 'published_errors_high')
  return collect.Collected(
    title='Table 1. Accuracy on the test split',
    records=[
      tables.record(row) | dict(zip(ends, _published_errors(row), strict=True))
      for row in rows
    ],
    tables=[tables.accuracies('Accuracy', rows)],
    notes=[
      f'Ours: {labels.settings(request.scale, grid.Run(grid.BEST))}.',
      *tables.NOTES,
      f'Published on {published.SLICES:,} slices of COVIDx CT-2A, one run '
      'each. In errors: '
      + '; '.join(
        f'{model} {low:,}' + (f' to {high:,}' if high > low else '')
        for model, (low, high) in errors.items()
      )
      + '.',
    ],
    figure=tables.draw({'Accuracy on test, %': rows}),
  )


def _published_errors(row: rows_lib.Row) -> tuple[int | None, int | None]:
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
