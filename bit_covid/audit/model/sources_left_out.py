# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The results on each source, with and without it in the training."""

import pandas as pd

from bit_covid.analysis import predictions
from bit_covid.audit import finding
from bit_covid.audit.model import left_out
from bit_covid.audit.model import results
from bit_covid.audit.model import subject as subject_lib
from input_pipeline import left_out as left_out_patients


def check(subject: subject_lib.Subject) -> finding.Finding:
  """Returns the results on each source, beside those on all."""
  if subject.judged in left_out_patients.SPLITS:
    return finding.Finding(
      'NOT CHECKED', f'The run was evaluated on {subject.judged} alone.'
    )
  runs = left_out.of_sources(subject)
  if len(runs) < 2:
    return finding.Finding(
      'NOT CHECKED', 'The slices are not of two sources that are named.'
    )
  rows, changes = [left_out.Row('all', 'on all', subject.table)], {}
  for run in runs:
    whole, part = _tables(subject, run)
    if len(whole):
      rows.append(left_out.Row(run.value, 'on all', whole))
    remark = f'not possible: {run.problem}' if run.problem else 'not made'
    if part is not None:
      changes[run] = left_out.change(whole, part)
      remark = changes[run].text
    rows.append(left_out.Row(run.value, 'without it', part, remark))
  missing = [x for x in runs if not x.problem and x not in changes]
  return _judge(subject, changes, missing)._replace(
    table=left_out.show(rows, 'Patients of')
  )


def _tables(
  subject: subject_lib.Subject, run: left_out.LeftOut
) -> tuple[pd.DataFrame, pd.DataFrame | None]:
  """Returns the predictions of a source's patients, of all and of the run."""
  of_source = left_out_patients.are_of(subject.examples, run.leave_out)
  table = run.predictions(subject)
  part = None if table is None else table[of_source]
  return subject.table[of_source], part


def _judge(
  subject: subject_lib.Subject,
  changes: dict[left_out.LeftOut, left_out.Change],
  missing: list[left_out.LeftOut],
) -> finding.Finding:
  text = ''
  if missing:
    text = (
      f' Not made: trainings without {", ".join(x.value for x in missing)}; '
      f'make them with bit-covid leave-out {subject.workdir}'
    )
  if not changes:
    return finding.Finding('NOT CHECKED', text.strip() or 'None is possible.')
  run, worst = min(changes.items(), key=lambda x: x[1].difference.value)
  is_worse = left_out.is_any(changes.values(), sign=-1)
  unknown = ''
  if not predictions.knows_patients(subject.table):
    unknown = f' {predictions.PATIENTS_UNKNOWN}'
  return finding.Finding(
    'WARNING' if is_worse else 'NOTE',
    f'On the slices of {run.value}, a training without that source gives an '
    f'accuracy of {results.text(worst.after)}, one on all sources '
    f'{results.text(worst.before)}: {worst.text} points, the lowest of the '
    f'{len(changes)} made.{unknown}{text}',
    advice='Give the results without each source beside the others: they are '
    'what to expect in a hospital that is not in the training.'
    if is_worse
    else '',
  )
