# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Figure 8: accuracy on test by the number of training slices."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bit_covid.analysis import bootstrap
from bit_covid.paper import accuracy_table
from bit_covid.paper import collected
from bit_covid.paper import grid
from bit_covid.paper import labels
from bit_covid.paper import markdown
from bit_covid.paper import published_points
from bit_covid.paper import rows as rows_lib
from bit_covid.paper import scales
from bit_covid.paper.items import figure8_picture

if TYPE_CHECKING:
  import input_pipeline

_FULL = grid.Run(grid.BEST)
# Numbers of training patients, one for each seed; empty without the data.
_Patients = Mapping[grid.Run, Sequence[int]]


def make(request: collected.Request) -> collected.Collected:
  """Returns accuracies by slices of each class, and those on all slices."""
  runs, scale, measure = request.runs, request.scale, rows_lib.Measure()
  few = {
    x: rows_lib.ours(runs, x, measure, known=_known(x)) for x in grid.figure8()
  }
  full = [
    rows_lib.as_published(runs, _FULL, measure),
    *rows_lib.covid_net(runs, measure),
  ]
  train = request.splits.get('train')
  patients = {
    x: _count(train, scale, runs.expected_of(x)) if train else [] for x in few
  }
  return collected.Collected(
    title='Figure 8. Few training slices, accuracy on test',
    records=[
      *(_setting(scale, x, patients[x]) | few[x].record() for x in few),
      *({'per_class': 'all'} | row.record() for row in full),
    ],
    tables=[
      *(_table(scale, name, few, patients) for name in (grid.BEST, 'Random')),
      accuracy_table.table('All slices', full),
    ],
    notes=_notes(scale, patients),
    figure=figure8_picture.draw(scale, few, full),
  )


def _known(setting: grid.Run) -> published_points.Point:
  # The paper draws slices; patient by patient is ours.
  if setting.per_class_by == 'patient':
    return published_points.NO_POINT
  key = (setting.initialisation, setting.per_class)
  return published_points.FEW_SHOT.get(key, published_points.NO_POINT)


def _count(
  train: 'input_pipeline.Examples', scale: scales.Scale, runs: list[grid.Run]
) -> list[int]:
  """Returns the number of training patients of each run."""
  # TensorFlow: those who have the data have waited for it.
  from input_pipeline import examples

  chosen = [
    examples.few_shot_indices(
      train,
      per_class=scale.few_shot[run.per_class],
      by=run.per_class_by,
      seed=run.seed,
    )
    for run in runs
  ]
  return [len(np.unique(train.patient_id[indices])) for indices in chosen]


def _setting(
  scale: scales.Scale, setting: grid.Run, patients: Sequence[int]
) -> dict[str, Any]:
  return {
    'per_class': setting.per_class,
    'per_class_run': scale.few_shot[setting.per_class],
    'drawn_by': setting.per_class_by,
    'train_patients_mean': float(np.mean(patients)) if patients else None,
    'train_patients_smallest': min(patients, default=None),
    'train_patients_largest': max(patients, default=None),
  }


def _table(
  scale: scales.Scale,
  initialisation: str,
  few: Mapping[grid.Run, rows_lib.Row],
  patients: _Patients,
) -> markdown.Table:
  slices = f'Slices a class{labels.unless_paper(scale, labels.BRACKETS)}'
  return markdown.Table(
    f'{initialisation}, few slices',
    [
      {
        slices: labels.per_class(scale, x.per_class),
        'Drawn by': x.per_class_by,
        'Training patients': _range(patients[x]),
        **accuracy_table.measured(row),
        'Published, %': markdown.number(row.published, 1),
      }
      for x, row in few.items()
      if x.initialisation == initialisation
    ],
  )


def _range(patients: Sequence[int]) -> str:
  if not patients:
    return markdown.NONE
  if min(patients) == max(patients):
    return f'{patients[0]:,}'
  return f'{np.mean(patients):,.0f} ({min(patients):,} to {max(patients):,})'


def _notes(scale: scales.Scale, patients: _Patients) -> list[str]:
  few = next(iter(patients))
  notes = [
    f'Few slices: {labels.settings(scale, few)}, as BiT-HyperRule has it for '
    'little data; the paper does not say. All slices: '
    f'{labels.settings(scale, _FULL)}.',
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
