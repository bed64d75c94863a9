# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Table 3: the five initialisations on val and test."""

import dataclasses

from bit_covid.analysis import published
from bit_covid.paper import accuracy_table
from bit_covid.paper import collected
from bit_covid.paper import dot_plot
from bit_covid.paper import grid
from bit_covid.paper import labels
from bit_covid.paper import rows as rows_lib

SPLITS = ('val', 'test')
_OF = {row.model: row for row in published.INITIALISATIONS}


def make(request: collected.Request) -> collected.Collected:
  """Returns a table for each split, and the picture."""
  rows = {split: _rows(request, split) for split in SPLITS}
  differences = {
    split: accuracy_table.differences(request.runs, rows[split])
    for split in SPLITS
  }
  absent = [split for split in SPLITS if split not in request.scale.sizes]
  return collected.Collected(
    title='Table 3. Initialisations, accuracy on val and test',
    records=[
      record
      for split in SPLITS
      for record in accuracy_table.records(rows[split], differences[split])
    ],
    tables=[
      accuracy_table.table(
        f'Accuracy on {split}', rows[split], differences[split]
      )
      for split in SPLITS
    ],
    notes=[
      f'Ours: {labels.settings(request.scale, grid.Run(grid.BEST))}; the runs '
      'of Table 1. The paper trained anew for its Table 3, one run each.',
      *accuracy_table.NOTES,
      'These are four comparisons: were all initialisations alike, some '
      'interval would still leave out 0 in about one such table of five.',
      *(
        f'At the scale {request.scale.name!r} there is no {split} split.'
        for split in absent
      ),
    ],
    figure=dot_plot.draw(
      {f'Accuracy on {split}, %': rows[split] for split in SPLITS}
    ),
  )


def _rows(request: collected.Request, split: str) -> list[rows_lib.Row]:
  rows = [
    rows_lib.ours(
      request.runs,
      setting,
      measure=rows_lib.Measure(split=split),
      published=getattr(_OF[setting.initialisation], split),
      source=_OF[setting.initialisation].source,
    )
    for setting in grid.ITEMS['table3']()
  ]
  if split in request.scale.sizes:
    return rows
  return [dataclasses.replace(row, status=f'no {split} split') for row in rows]
