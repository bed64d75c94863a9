# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Results of a network on data sets of other origin than its own.

Of all checks, this one says most of what to expect at another hospital. Above
each data set stands the run's own split in the same classes.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from bit_covid.analysis import class_mapping
from bit_covid.analysis import derived_intervals
from bit_covid.analysis import interval as interval_lib
from bit_covid.analysis import intervals
from bit_covid.audit import finding
from bit_covid.audit.model import external_set
from bit_covid.audit.model import results
from bit_covid.audit.model import subject as subject_lib
import input_pipeline

NAME = 'External data'
Interval = interval_lib.Interval
_ADVICE = {
  'FAILED': 'Remove these slices, or do not call the data external.',
  'WARNING': 'Do not claim the results of the run for other hospitals: give '
  'all rows, look in the picture for what differs, and train on slices of more '
  'origins.',
  'NOTE': '',
}
# Of the judged class.
_OF_CLASS = {
  'ROC AUC': 'roc_auc',
  'Sensitivity': 'sensitivity',
  'Specificity': 'specificity',
}
# These do not depend on the shares of the classes.
_COMPARED = ('Balanced accuracy', 'ROC AUC')
# Slices of a class in the picture.
_SHOWN = 5


def check(subject: subject_lib.Subject) -> finding.Finding:
  """Returns the results on each external data set beside the run's own."""
  if not subject.external:
    return finding.Finding(
      'NOT CHECKED',
      'No data set of another origin was named; name some with --external.',
    )
  rows, verdicts, texts = {}, [], []
  for name, other in subject.external.items():
    table = other.predictions(subject.network)
    own = other.mapping.merged_table(subject.table)
    own = own[own['label'].isin(table['label'])]
    here, there = (_measure(x, other.mapping) for x in (own, table))
    rows[_own_name(subject, own, other.mapping)] = _row(own, other, here)
    rows[name] = _row(table, other, there)
    verdict, comparison = _judge(here, there, copies=_copies(subject, other))
    verdicts.append(verdict)
    texts.append(
      f'{name}{_notes(other)}: ROC AUC {results.text(there["ROC AUC"])}, on '
      f'{subject.judged} {results.text(here["ROC AUC"])}, {comparison}.'
    )
  severity = next(x for x in _ADVICE if x in verdicts)
  shown = pd.DataFrame([{'Data': name, **row} for name, row in rows.items()])
  if (shown['Patients'] == results.UNKNOWN).any():
    texts.append(
      'Where patients are not known, intervals are over slices and too narrow.'
    )
  return finding.Finding(
    severity,
    ' '.join(texts),
    shown,
    advice=_ADVICE[severity],
    picture=_draw(subject),
  )


def _measure(
  table: pd.DataFrame, mapping: class_mapping.ClassMapping
) -> dict[str, Interval]:
  """Returns the measures of a row; classes without slices do not count."""
  found = intervals.intervals(table)
  occurs = ~np.isnan(found['sensitivity'].value)
  sensitivity = Interval(*(x[occurs] for x in found['sensitivity']))
  return {
    'Accuracy': found['accuracy'],
    'Balanced accuracy': derived_intervals.balanced_accuracy(sensitivity),
    **{
      heading: Interval(*(x[mapping.judged] for x in found[name]))
      for heading, name in _OF_CLASS.items()
    },
  }


def _row(
  table: pd.DataFrame,
  other: external_set.ExternalSet,
  measures: Mapping[str, Interval],
) -> dict[str, object]:
  return {
    'Slices': len(table),
    'Patients': results.patients(table),
    'Class': other.mapping.names[other.mapping.judged],
    **{name: results.text(found) for name, found in measures.items()},
  }


def _own_name(
  subject: subject_lib.Subject,
  own: pd.DataFrame,
  mapping: class_mapping.ClassMapping,
) -> str:
  """Returns such as 'test of the run, as Normal or CP and NCP'."""
  names = [mapping.names[i] for i in sorted(own['label'].unique())]
  name = f'{subject.judged} of the run'
  if names == list(subject.network.class_names):
    return name
  return f'{name}, as {" and ".join(names)}'


def _notes(other: external_set.ExternalSet) -> str:
  notes = [other.mapping.text] if other.mapping.text else []
  count = len(other.examples)
  if count < other.total:
    notes.append(f'{count:,} of {other.total:,} slices, drawn at random')
  return f' ({"; ".join(notes)})' if notes else ''


def _copies(
  subject: subject_lib.Subject, other: external_set.ExternalSet
) -> int:
  """Returns how many slices the training has seen, byte for byte."""
  seen = subject.splits[subject_lib.TRAIN].digest
  return int(np.isin(other.examples.digest, seen).sum())


def _judge(
  here: Mapping[str, Interval], there: Mapping[str, Interval], *, copies: int
) -> tuple[str, str]:
  """Returns the severity, and how the results on other data compare."""
  if copies:
    return 'FAILED', f'and slices that are in the training, too: {copies:,}'
  if there['ROC AUC'].low <= 0.5:
    return 'WARNING', 'so nothing shows that it is better than chance'
  lower = [x for x in _COMPARED if there[x].high < here[x].low]
  if lower:
    return 'WARNING', f'lower in {" and ".join(lower)}'
  return 'NOTE', 'not shown to be lower'


def _draw(subject: subject_lib.Subject) -> bytes:
  """Returns slices as the network gets them, a row for each set and class."""
  sets = {subject.judged: subject.examples}
  sets |= {name: x.examples for name, x in subject.external.items()}
  rows = {}
  for name, examples in sets.items():
    for label, class_name in enumerate(examples.class_names):
      found = np.flatnonzero(examples.label == label)
      if len(found):
        shown = found[np.linspace(0, len(found) - 1, _SHOWN).astype(int)]
        rows[f'{name}\n{class_name}'] = _prepared(subject, examples, shown)
  return results.picture(rows, [''] * _SHOWN)


def _prepared(
  subject: subject_lib.Subject,
  examples: input_pipeline.Examples,
  rows: np.ndarray,
) -> list[np.ndarray]:
  return [
    subject.prepared(examples.image(int(i)), examples.box[i])[..., 0]
    for i in rows
  ]
