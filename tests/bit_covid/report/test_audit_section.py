# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What the report takes over from the audit and from the ledger."""

import json

from bit_covid.audit.model import external_data
from bit_covid.report import audit_section


def test_findings_and_looks_are_shown(tmp_path):
  finding = {
    'check': 'Equal images',
    'severity': 'WARNING',
    'text': 'Two are equal.',
    'advice': 'Remove one.',
    'table': [{'Images': 2}],
  }
  (tmp_path / 'audit').mkdir()
  text = json.dumps({'findings': [finding]})
  (tmp_path / 'audit' / 'audit.json').write_text(text)
  lines = [
    {'split': split, 'checkpoint': name}
    for split, name in (('test', 'a'), ('test', 'b'), ('val', 'c'))
  ]
  (tmp_path / 'test_ledger.jsonl').write_text(
    ''.join(json.dumps(x) + '\n' for x in lines)
  )
  looks, table = audit_section.blocks_of(tmp_path, 'test')
  assert looks.text == 'Evaluated on test: 2 networks of this run.'
  assert [[x.text for x in row] for row in table.rows] == [
    ['Equal images', 'warning', 'Two are equal. Remove one.']
  ]


def test_a_run_without_an_audit_has_no_section(tmp_path):
  assert audit_section.blocks_of(tmp_path, 'test') == []


def test_results_on_external_data_have_a_table(tmp_path):
  finding = {
    'check': external_data.NAME,
    'severity': 'NOTE',
    'text': 'There is one.',
    'table': [{'Data': 'test', 'Slices': 1200}, {'Data': 'b', 'Slices': 3}],
  }
  (tmp_path / 'audit').mkdir()
  path = tmp_path / 'audit' / 'audit.json'
  path.write_text(json.dumps({'findings': [finding]}))
  _, table = audit_section.blocks_of(tmp_path, 'test')
  assert table.head == ['Data', 'Slices']
  assert [[x.text for x in row] for row in table.rows] == [
    ['test', '1,200'],
    ['b', '3'],
  ]
  path.write_text(json.dumps({'findings': [finding | {'table': None}]}))
  assert len(audit_section.blocks_of(tmp_path, 'test')) == 1
