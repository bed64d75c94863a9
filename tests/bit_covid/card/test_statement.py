# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Statements with fields that are there, missing, or left out for a reason."""

import pytest

from bit_covid.card import evidence
from bit_covid.card import statement

MEASURE = {'value': 0.5, 'low': 0.25, 'high': 0.75}
EVIDENCE = {
  'config': evidence.File(
    'config.json', {'data': {'crop': 64}, 'schedule': [1, 2000], 'rate': 0.003}
  ),
  'metrics': evidence.File(
    'report/metrics.json',
    {
      'accuracy': MEASURE,
      'sensitivity': {'Normal': MEASURE, 'CP': dict.fromkeys(MEASURE)},
      'ece': {'value': 0.01, 'low': None, 'high': None},
      'patient': {'missing': 'Nobody named the patients.'},
      'cross': [[3, 0], [1, 2]],
    },
    prefix='test.',
  ),
  'audit': evidence.File('audit/audit.json', None, 'run the audit'),
}


@pytest.mark.parametrize(
  ('text', 'filled', 'source'),
  [
    ('{config.data.crop} pixels', '64 pixels', 'config.json: data.crop'),
    (
      '{config.schedule}, {config.rate}',
      '1, 2,000, 0.003',
      'config.json: schedule, rate',
    ),
    (
      '{metrics.accuracy}',
      '50.00 % (95 % interval 25.00 to 75.00)',
      'report/metrics.json: test.accuracy',
    ),
    (
      '{metrics.sensitivity}',
      'Normal 50.00 % (95 % interval 25.00 to 75.00), '
      'CP undefined (nothing to measure it on)',
      'report/metrics.json: test.sensitivity',
    ),
    (
      '{metrics.ece}',
      '1.00 % (no interval)',
      'report/metrics.json: test.ece',
    ),
    (
      '{metrics.cross}',
      '3, 0; 1, 2',
      'report/metrics.json: test.cross',
    ),
    # The report's own reason takes the place of a number.
    (
      'Accuracy {metrics.patient.mean.accuracy}',
      'Nobody named the patients.',
      'report/metrics.json: test.patient.mean.accuracy',
    ),
    # Without a source: open.
    (
      '{audit.Equal images}',
      'audit/audit.json does not exist; run the audit',
      '',
    ),
  ],
)
def test_a_statement_quotes_fields_and_says_which(text, filled, source):
  assert statement.fill({'text': text}, EVIDENCE) == (filled, source)


def test_what_is_not_known_is_left_open():
  text = '{config.data.crop} and {config.window}'
  assert statement.fill(
    {'text': text, 'otherwise': 'the window'}, EVIDENCE
  ) == (
    'the window',
    '',
  )
  text, source = statement.fill({'text': text}, EVIDENCE)
  assert text.startswith('window, which config.json does not say')
  assert not source
  needs = {'text': 'Chosen on val.', 'needs': ['metrics.points']}
  assert not statement.fill(needs, EVIDENCE).source
