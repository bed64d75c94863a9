# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Table 2: sensitivity, PPV, specificity and NPV of each class on test."""

from collections.abc import Sequence

from bit_covid.analysis import bootstrap
from bit_covid.analysis import metrics
from bit_covid.analysis import published
from bit_covid.paper import collected
from bit_covid.paper import dot_plot
from bit_covid.paper import grid
from bit_covid.paper import labels
from bit_covid.paper import markdown
from bit_covid.paper import rows as rows_lib

_OF = {row.model: row for row in published.ROWS}
_TITLES = {
  'sensitivity': 'Sensitivity',
  'ppv': 'PPV',
  'specificity': 'Specificity',
  'npv': 'NPV',
}


def make(request: collected.Request) -> collected.Collected:
  """Returns a table for each measure, and the picture."""
  by_measure = {name: _rows(request, name) for name in metrics.MEASURES}
  return collected.Collected(
    title='Table 2. Each class against the rest, on the test split',
    records=[row.record() for rows in by_measure.values() for row in rows],
    tables=[
      _table(f'{_TITLES[name]}, %', rows) for name, rows in by_measure.items()
    ],
    notes=[
      f'Ours: {labels.settings(request.scale, grid.Run(grid.BEST))}; mean over '
      f'the seeds, in brackets its {bootstrap.LEVEL_TEXT} interval by a '
      'bootstrap over patients.',
      f'Published on {published.SLICES:,} slices of COVIDx CT-2A, one run '
      'each.',
      'PPV and NPV are those of the mix of classes in the split, which is a '
      'choice of its makers and not that of a hospital.',
    ],
    figure=dot_plot.draw(
      {f'{_TITLES[name]} on test, %': rows for name, rows in by_measure.items()}
    ),
  )


def _rows(request: collected.Request, name: str) -> list[rows_lib.Row]:
  """Returns the rows of a measure, grouped by model."""
  by_class = []
  for index in range(len(published.CLASS_NAMES)):
    measure = rows_lib.Measure(name=name, class_index=index)
    by_class.append(
      [
        *rows_lib.covid_net(request.runs, measure),
        *(
          rows_lib.ours(
            request.runs,
            setting,
            measure=measure,
            published=measure.of(_OF[setting.initialisation]),
            source=_OF[setting.initialisation].source,
          )
          for setting in grid.ITEMS['table2']()
        ),
      ]
    )
  return [row for model in zip(*by_class, strict=True) for row in model]


def _table(title: str, rows: Sequence[rows_lib.Row]) -> markdown.Table:
  count = len(published.CLASS_NAMES)
  columns = ['Model', 'Seeds']
  for name in published.CLASS_NAMES:
    columns += [f'{name}, here', f'{name}, published']
  return markdown.Table(
    title,
    columns,
    [_cells(rows[i : i + count]) for i in range(0, len(rows), count)],
  )


def _cells(model: Sequence[rows_lib.Row]) -> list[str]:
  first = model[0]
  is_published = first.kind == rows_lib.PUBLISHED
  cells = [first.label, markdown.NONE if is_published else first.status]
  for row in model:
    cells += [_measured(row), markdown.number(row.published, 1)]
  return cells


def _measured(row: rows_lib.Row) -> str:
  if row.result is None:
    return markdown.NONE
  number, places = row.number, markdown.decimals(row.result.slices)
  value = markdown.number(number.value, places)
  bounds = markdown.between(number.low, number.high, places)
  return f'{value} ({bounds})' if bounds != markdown.NONE else value
