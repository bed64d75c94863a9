# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""How many patients and sources stand behind the slices of a training."""

import pandas as pd

from bit_covid.analysis import predictions
from bit_covid.audit import finding
from bit_covid.audit import position
from bit_covid.audit import slices as slices_lib
from bit_covid.audit.model import subject as subject_lib

# Patients of a class below which a training has seen few people.
_FEW = 10


def check(subject: subject_lib.Subject) -> finding.Finding:
  """Returns the patients and sources of each class of the training split."""
  table = slices_lib.from_examples(
    {subject_lib.TRAIN: subject.splits[subject_lib.TRAIN]}
  ).table
  if not predictions.knows_patients(table):
    return finding.Finding(
      'NOT CHECKED', 'Nobody said which slices are of one patient.'
    )
  rows = []
  for name, part in table.groupby('label', observed=True):
    sizes = part.groupby('patient_id').size()
    rows.append(
      {
        'Class': name,
        'Slices': len(part),
        'Patients': len(sizes),
        'Worth': round(position.effective_patients(sizes.to_numpy()), 1),
        'Sources': int(part['source'].nunique()),
      }
    )
  shown = pd.DataFrame(rows)
  fewest = shown.loc[shown['Patients'].idxmin()]
  is_few = fewest['Patients'] < _FEW
  return finding.Finding(
    'WARNING' if is_few else 'NOTE',
    f'The training saw {len(table):,} slices of '
    f'{table["patient_id"].nunique():,} patients. The class with fewest, '
    f'{fewest["Class"]}, has {fewest["Slices"]:,} slices of '
    f'{_count(fewest["Patients"], "patient")} and '
    f'{_count(fewest["Sources"], "source")}, worth '
    f'{_count(fewest["Worth"], "patient")} with equally many slices.',
    shown.assign(Worth=shown['Worth'].map('{:g}'.format)),
    advice='Name the patients, not the slices, as the size of the training.'
    if is_few
    else '',
  )


def _count(number: float, name: str) -> str:
  return f'{number:,g} {name}{"" if number == 1 else "s"}'
