# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Table 3: the five initialisations on val and test."""

import dataclasses

from bit_covid.analysis import published
from bit_covid.paper import collect
from bit_covid.paper import grid
from bit_covid.paper import labels
from bit_covid.paper import published_points
from bit_covid.paper import rows as rows_lib
from bit_covid.paper import tables

_PUBLISHED = {row.model: row for row in published.INITIALISATIONS}


def make(request: collect.Request) -> collect.Collected:
  """Returns a table for each split, and the picture."""
  rows = {
    split: tables.compared(request.runs, _rows(request, split))
    for split in ('val', 'test')
  }
  return collect.Collected(
    title='Table 3. Initialisations, accuracy on val and test',
    records=[tables.record(row) for part in rows.values() for row in part],
    tables=[
      tables.accuracies(f'Accuracy on {split}', part)
      for split, part in rows.items()
    ],
    notes=[
      f'Ours: {labels.settings(request.scale, grid.Run(grid.BEST))}; the runs '
      'of Table 1. The paper trained anew for its Table 3, one run each.',
      *tables.NOTES,
      'These are four comparisons: were all initialisations alike, some '
      'interval would still leave out 0 in about one such table of five.',
      *(
        f'At the scale {request.scale.name!r} there is no {split} split.'
        for split in rows
        if split not in request.scale.sizes
      ),
    ],
    figure=tables.draw(
      {f'Accuracy on {split}, %': part for split, part in rows.items()}
    ),
  )


def _rows(request: collect.Request, split: str) -> list[rows_lib.Row]:
  rows = []
  for setting in grid.ITEMS['table3']:
    known = _PUBLISHED[setting.initialisation]
    row = rows_lib.ours(
      request.runs,
      setting,
      rows_lib.Measure(split=split),
      known=published_points.Point(getattr(known, split), known.source),
    )
    if split not in request.scale.sizes:
      row = dataclasses.replace(row, status=f'no {split} split')
    rows.append(row)
  return rows
