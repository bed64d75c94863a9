# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The results with and without patients of some label provenance.

In COVIDx CT, a network chose the slices of those whose `slice selection` is
Automatic.
"""

import os
import pathlib

from bit_covid.analysis import split_counts
from bit_covid.audit import finding
from bit_covid.audit.model import left_out
from bit_covid.audit.model import results
from bit_covid.audit.model import subject as subject_lib


def check(subject: subject_lib.Subject) -> finding.Finding:
  """Returns the results after trainings without patients, beside those on all.

  They are judged on all patients of the judged split.
  """
  runs = left_out.made_by_column(subject.workdir)
  tables = {run: run.predictions(subject) for run in runs}
  parts = {run: x for run, x in tables.items() if x is not None}
  if not parts:
    return finding.Finding(
      'NOT CHECKED',
      'No training without patients whose labels were made otherwise is '
      'finished. If a CSV tells who they are, as that of COVIDx CT does, make '
      f'it with bit-covid leave-out {subject.workdir} '
      '--by="slice selection=Automatic" --metadata=metadata.csv',
    )
  changes = {x: left_out.change(subject.table, parts[x]) for x in parts}
  rows = [left_out.Row(_patients(subject.workdir), 'on all', subject.table)]
  for run, table in parts.items():
    count = _patients(run.folder(subject.workdir / left_out.FOLDER))
    training = f'without {run.leave_out}'
    rows.append(left_out.Row(count, training, table, changes[run].text))
  is_better = left_out.is_any(changes.values(), sign=1)
  texts = [
    f'Trained without patients of {run.leave_out}, the accuracy is '
    f'{results.text(change.after)}: {change.text} points.'
    for run, change in changes.items()
  ]
  whole = results.text(results.accuracy(subject.table))
  return finding.Finding(
    'WARNING' if is_better else 'NOTE',
    f'Trained on all patients, the accuracy is {whole}. {" ".join(texts)} That '
    'the training is smaller also counts.',
    left_out.show(rows, 'Training patients'),
    advice='Train without these patients, whose labels make the network worse.'
    if is_better
    else '',
  )


def _patients(workdir: str | os.PathLike[str]) -> str:
  """Returns how many patients a run was trained on."""
  counts = split_counts.read(pathlib.Path(workdir, 'splits.csv'))
  is_train = counts['split'] == subject_lib.TRAIN
  return f'{counts.loc[is_train, "patients"].sum():,}'
