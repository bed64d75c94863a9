# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Runs that were trained without some patients, beside the run on all.

`bit-covid leave-out RUN` makes them in RUN/leave_out. All are judged on the
same slices.
"""

from collections.abc import Iterable, Sequence
import os
import pathlib
from typing import NamedTuple

from etils import epath
import numpy as np
import pandas as pd

from bit_covid.analysis import interval as interval_lib
from bit_covid.analysis import paired
from bit_covid.analysis import patient_counts
from bit_covid.analysis import predictions
from bit_covid.audit.model import results
from bit_covid.audit.model import subject as subject_lib
from bit_covid.base import files
from bit_covid.training import run_directory
from bit_covid.training import run_identity
import input_pipeline
from input_pipeline import left_out

FOLDER = 'leave_out'


class LeftOut(NamedTuple):
  """A training without some patients.

  Attributes:
    leave_out: who they are, COLUMN=VALUE, as in config.data.leave_out.
    problem: why it is not possible; '' if it is.
  """

  leave_out: str
  problem: str = ''

  @property
  def value(self) -> str:
    """What they have in common, such as the name of a source."""
    return self.leave_out.partition('=')[2]

  @property
  def name(self) -> str:
    """The name of its folder, which is unique."""
    return files.safe_name(self.leave_out)

  def folder(self, workdir: str | os.PathLike[str]) -> pathlib.Path:
    """Returns its work directory within that of all such runs."""
    return pathlib.Path(workdir, 'runs', self.name)

  def predictions(self, subject: subject_lib.Subject) -> pd.DataFrame | None:
    """Returns its table of the judged split, None if it is not finished."""
    folder = epath.Path(self.folder(subject.workdir / FOLDER))
    if self.problem or not run_directory.is_finished(folder):
      return None
    table = predictions.read(folder / 'predictions' / f'{subject.judged}.csv')
    return predictions.align(subject.table, table)


def of_sources(subject: subject_lib.Subject) -> list[LeftOut]:
  """Returns a training without each source; without a name it is none."""
  train = subject.splits[subject_lib.TRAIN]
  names = sorted({*train.source.tolist(), *subject.examples.source.tolist()})
  return [
    make(f'{left_out.SOURCE}={name}', train, subject) for name in names if name
  ]


def make(
  leave_out: str,
  train: input_pipeline.Examples,
  subject: subject_lib.Subject,
  *,
  metadata: str = '',
) -> LeftOut:
  """Returns a training without some patients, with what makes it impossible.

  Arguments and errors are those of `input_pipeline.left_out.are_of`.
  """
  is_source = leave_out.startswith(f'{left_out.SOURCE}=')
  is_out = left_out.are_of(train, leave_out, metadata)
  kept = np.bincount(train.label[~is_out], minlength=len(train.class_names))
  lost = [x for x, n in zip(train.class_names, kept, strict=True) if not n]
  problem = ''
  if not is_out.any():
    problem = 'train has none of these patients'
  elif is_source and not left_out.are_of(subject.examples, leave_out).any():
    problem = f'{subject.judged} has none of its patients'
  elif lost:
    where = 'is in no other source' if is_source else 'has no other patients'
    problem = '; '.join(f'class {name} {where}' for name in lost)
  return LeftOut(leave_out, problem)


def made_by_column(workdir: epath.Path) -> list[LeftOut]:
  """Returns the runs without patients of a value other than a source."""
  folders = sorted((workdir / FOLDER / 'runs').glob('*'))
  facts = [run_identity.read(folder) or {} for folder in folders]
  names = [x.get('data', {}).get('leave_out', '') for x in facts]
  return [
    LeftOut(x) for x in names if x and not x.startswith(f'{left_out.SOURCE}=')
  ]


class Row(NamedTuple):
  """A row of results; without a table, the remark says why."""

  heading: str
  training: str
  table: pd.DataFrame | None
  remark: str = ''


def show(rows: Sequence[Row], heading: str) -> pd.DataFrame:
  """Returns a table with accuracy and sensitivities of each row."""
  tables = {i: x.table for i, x in enumerate(rows) if x.table is not None}
  shown = results.compare(tables, 'row').set_index('row').astype(object)
  # Counts stay whole numbers, as the columns hold objects.
  shown = shown.reindex(range(len(rows))).fillna('')
  shown.insert(0, heading, [x.heading for x in rows])
  shown.insert(1, 'Trained', [x.training for x in rows])
  place = list(shown).index('Accuracy') + 1
  shown.insert(place, 'Minus on all, points', [x.remark for x in rows])
  return shown


class Change(NamedTuple):
  """What leaving patients out changes in the accuracy.

  Attributes:
    before: the accuracy after a training on all patients.
    after: the accuracy after a training without some.
    difference: after minus before, paired by patient.
    chance: how likely chance alone makes them differ as much.
  """

  before: interval_lib.Interval
  after: interval_lib.Interval
  difference: interval_lib.Interval
  chance: float

  @property
  def text(self) -> str:
    """The difference in points with its interval."""
    value, low, high = (f'{100 * float(x):+.1f}' for x in self.difference)
    return f'{value} ({low} to {high})'


def change(whole: pd.DataFrame, part: pd.DataFrame) -> Change:
  """Returns the change from predictions to others of the same slices."""
  counts = [patient_counts.make(x, with_areas=False) for x in (whole, part)]
  return Change(
    results.accuracy(whole),
    results.accuracy(part),
    paired.differences(counts[:1], counts[1:])['accuracy'],
    paired.chance_of_accuracy(whole, part),
  )


def is_any(changes: Iterable[Change], *, sign: int) -> bool:
  """Returns whether a change of this sign, 1 or -1, is more than chance.

  The chance of each counts as often as there are changes (Bonferroni), so that
  among changes of nothing one is found in at most 5 %.
  """
  changes = list(changes)
  return any(
    x.chance * len(changes) < 1 - interval_lib.LEVEL
    and min(sign * x.difference.low, sign * x.difference.high) > 0
    for x in changes
  )
