# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Table 2: sensitivity, PPV, specificity and NPV of each class on test.

The decimals of all tables are `results.Result.places`.
"""

from collections.abc import Sequence

from bit_covid.analysis import interval as interval_lib
from bit_covid.analysis import metrics
from bit_covid.analysis import published
from bit_covid.analysis import terminal
from bit_covid.paper import collect
from bit_covid.paper import grid
from bit_covid.paper import labels
from bit_covid.paper import markdown
from bit_covid.paper import rows as rows_lib
from bit_covid.paper import tables


def make(request: collect.Request) -> collect.Collected:
  """Returns a table for each measure, and the picture."""
  models = {name: _models(request, name) for name in metrics.MEASURES}
  rows = {
    f'{terminal.HEADINGS[name]} on test, %': [row for x in found for row in x]
    for name, found in models.items()
  }
  return collect.Collected(
    title='Table 2. Each class against the rest, on the test split',
    records=[row.record() for part in rows.values() for row in part],
    tables=[
      markdown.Table(
        f'{terminal.HEADINGS[name]}, %', [_cells(model) for model in found]
      )
      for name, found in models.items()
    ],
    notes=[
      f'Ours: {labels.settings(request.scale, grid.Run(grid.BEST))}; mean over '
      f'the seeds, in brackets its {interval_lib.LEVEL_TEXT} interval over '
      'patients.',
      f'Published on {published.SLICES:,} slices of COVIDx CT-2A, one run '
      'each.',
      'PPV and NPV are those of the mix of classes in the split, which is a '
      'choice of its makers and not that of a hospital.',
    ],
    figure=tables.draw(rows),
  )


def _models(
  request: collect.Request, name: str
) -> list[tuple[rows_lib.Row, ...]]:
  """Returns the rows of each model, one for each class."""
  by_class = [
    rows_lib.with_covid_net(
      request.runs,
      grid.ITEMS['table2'],
      rows_lib.Measure(name=name, class_index=index),
    )
    for index in range(len(published.CLASS_NAMES))
  ]
  return list(zip(*by_class, strict=True))


def _cells(model: Sequence[rows_lib.Row]) -> dict[str, str]:
  first = model[0]
  is_published = first.kind == rows_lib.PUBLISHED
  cells = {
    'Model': first.label,
    'Seeds': markdown.NONE if is_published else first.status,
  }
  for name, row in zip(published.CLASS_NAMES, model, strict=True):
    cells[f'{name}, here'] = row.text()
    cells[f'{name}, published'] = markdown.number(row.published, 1)
  return cells
