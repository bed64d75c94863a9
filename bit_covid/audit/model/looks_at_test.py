# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""How many networks of a run were evaluated on the judged split."""

import pandas as pd

from bit_covid.audit import finding
from bit_covid.audit.model import subject as subject_lib
from bit_covid.training import ledger

# More looks than these raise the question whether the best one was chosen.
_MOST = 5


def check(subject: subject_lib.Subject) -> finding.Finding:
  """Returns the evaluations that the run's ledger holds."""
  rows = [
    row
    for row in ledger.read(subject.workdir)
    if row.get('fingerprint') == subject.examples.fingerprint
  ]
  if not rows:
    return finding.Finding(
      'NOT CHECKED',
      f'{subject.workdir} has no {ledger.FILE_NAME}: it is of an earlier '
      'version.',
    )
  count = len({row['checkpoint'] for row in rows})
  shown = pd.DataFrame(
    [
      {
        'Time': row['time'],
        'Network': row['checkpoint'][:12],
        'Commit': (row['commit'] or 'not known')[:12],
      }
      for row in rows
    ]
  )
  networks = 'network' if count == 1 else 'networks'
  were = 'was' if count == 1 else 'were'
  is_many = count > _MOST
  return finding.Finding(
    'WARNING' if is_many else 'NOTE',
    f'{count} {networks} of this run directory {were} evaluated on '
    f'{subject.judged}. Other run directories are not counted.',
    shown,
    advice='Choose by val, and say how often test was looked at.'
    if is_many
    else '',
  )
