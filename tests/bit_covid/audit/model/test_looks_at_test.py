# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The ledger of a run, as the audit reads it."""

import pytest

from bit_covid.audit.model import looks_at_test
from bit_covid.training import ledger


@pytest.mark.parametrize(
  ('count', 'severity'), [(0, 'NOT CHECKED'), (1, 'NOTE'), (6, 'WARNING')]
)
def test_networks_are_counted(make_subject, count, severity):
  subject = make_subject()
  fingerprint = subject.examples.fingerprint
  for i in range(count):
    for _ in range(2):  # The same network again is no other look.
      ledger.add(
        subject.workdir, 'test', checkpoint=f'{i}', fingerprint=fingerprint
      )
  for split, other in (('val', fingerprint), ('test', 'other data')):
    ledger.add(subject.workdir, split, checkpoint='x', fingerprint=other)
  found = looks_at_test.check(subject)
  assert found.severity == severity
  if count:
    assert found.text.startswith(f'{count} network')
    assert len(found.table) == count
