# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Figure 8: accuracy on test by the number of training slices."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bit_covid.analysis import bootstrap
from bit_covid.analysis import published
from bit_covid.paper import accuracy_table
from bit_covid.paper import collected
from bit_covid.paper import grid
from bit_covid.paper import labels
from bit_covid.paper import markdown
from bit_covid.paper import published_points
from bit_covid.paper import rows as rows_lib
from bit_covid.paper.items import figure8_picture

_FULL = grid.Run(grid.BEST)
_MEASURE = rows_lib.Measure()
_POINTS = {
  (known.initialisation, known.per_class): known
  for known in published_points.FEW_SHOT
}


def make(request: collected.Request) -> collected.Collected:
  """Returns accuracies by slices of each class, and those on all slices."""
  few = {x: _row(request, x) for x in grid.figure8()}
  patients = {x: _patients(request, x) for x in few}
  full = [_full(request), *rows_lib.covid_net(request.runs, _MEASURE)]
  return collected.Collected(
    title='Figure 8. Few training slices, accuracy on test',
    records=[
      *(
        _place(request, x, patients[x]) | row.record() for x, row in few.items()
      ),
      *({'per_class': 'all'} | row.record() for row in full),
    ],
    tables=[
      _table(request, initialisation, few, patients)
      for initialisation in (grid.BEST, 'Random')
    ]
    + [accuracy_table.table('All slices', full, [None] * len(full))],
    notes=_notes(request, patients),
    figure=figure8_picture.draw(request.scale, few, full),
  )


def _row(request: collected.Request, setting: grid.Run) -> rows_lib.Row:
  # The paper draws slices; patient by patient is ours.
  known = (
    _POINTS.get((setting.initialisation, setting.per_class))
    if setting.per_class_by == 'slice'
    else None
  )
  return rows_lib.ours(
    request.runs,
    setting,
    measure=_MEASURE,
    published=known.accuracy if known else None,
    source=known.source if known else '',
  )


def _full(request: collected.Request) -> rows_lib.Row:
  known = next(row for row in published.ROWS if row.model == grid.BEST)
  return rows_lib.ours(
    request.runs,
    _FULL,
    measure=_MEASURE,
    published=known.accuracy,
    source=known.source,
  )


def _patients(request: collected.Request, setting: grid.Run) -> list[int]:
  """Returns the number of training patients of each seed, [] without data."""
  train = request.splits.get('train')
  if train is None:
    return []
  # TensorFlow: those who have the data have waited for it.
  from input_pipeline import examples

  return [
    len(
      np.unique(
        train.patient_id[
          examples.few_shot_indices(
            train,
            per_class=request.scale.few_shot[setting.per_class],
            by=setting.per_class_by,
            seed=run.seed,
          )
        ]
      )
    )
    for run in request.runs.expected_of(setting)
  ]


def _place(
  request: collected.Request, setting: grid.Run, patients: Sequence[int]
) -> dict[str, Any]:
  return {
    'per_class': setting.per_class,
    'per_class_run': request.scale.few_shot[setting.per_class],
    'drawn_by': setting.per_class_by,
    'train_patients_mean': float(np.mean(patients)) if patients else None,
    'train_patients_smallest': min(patients, default=None),
    'train_patients_largest': max(patients, default=None),
  }


def _table(
  request: collected.Request,
  initialisation: str,
  few: Mapping[grid.Run, rows_lib.Row],
  patients: Mapping[grid.Run, Sequence[int]],
) -> markdown.Table:
  return markdown.Table(
    f'{initialisation}, few slices',
    [
      f'Slices a class{labels.brackets(request.scale)}',
      'Drawn by',
      'Training patients',
      'Here, %',
      f'{bootstrap.LEVEL_TEXT} interval',
      'Seeds',
      'Smallest to largest',
      'Published, %',
    ],
    [
      [
        labels.per_class(request.scale, x.per_class),
        x.per_class_by,
        _patient_text(patients[x]),
        *_cells(row),
        markdown.number(row.published, 1),
      ]
      for x, row in few.items()
      if x.initialisation == initialisation
    ],
  )


def _cells(row: rows_lib.Row) -> list[str]:
  if row.result is None:
    return [row.status, *[markdown.NONE] * 3]
  number, places = row.number, markdown.decimals(row.result.slices)
  return [
    markdown.number(number.value, places),
    markdown.between(number.low, number.high, places),
    row.status,
    accuracy_table.spread(row.result, number.smallest, number.largest, places),
  ]


def _patient_text(patients: Sequence[int]) -> str:
  if not patients:
    return markdown.NONE
  if min(patients) == max(patients):
    return f'{patients[0]:,}'
  return f'{np.mean(patients):,.0f} ({min(patients):,} to {max(patients):,})'


def _notes(
  request: collected.Request, patients: Mapping[grid.Run, Sequence[int]]
) -> list[str]:
  notes = [
    'Few slices: '
    f'{labels.settings(request.scale, next(iter(patients)))}, as '
    'BiT-HyperRule has it for little data; the paper does not say. All slices: '
    f'{labels.settings(request.scale, _FULL)}.',
    f'Each seed draws other slices. The interval is {bootstrap.LEVEL_TEXT}, by '
    'a bootstrap over the test patients of the mean over the seeds; smallest '
    'and largest are over the seeds.',
    'Drawn by slice, as in the paper, few slices are of nearly as many '
    'patients; by patient, they are all slices of one patient after the other.',
    "The diamonds are the two points that the paper's text gives, and its "
    'Table 1. Bars begin at the lower end of the axis, not at 0.',
  ]
  if not any(patients.values()):
    notes.append(
      'The training split was not at hand: training patients are not counted.'
    )
  return notes
