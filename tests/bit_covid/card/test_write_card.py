# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The card as a person makes and reads it."""

import json
import pathlib
import re
import shutil
import subprocess
import sys

import pytest
import yaml

from bit_covid.card import checklist
from bit_covid.card import command
from bit_covid.card import evidence
from tests import browser

_ROOT = pathlib.Path(__file__).parents[3]


def _rows(text):
  """Returns the cells of each table row of a Markdown text, heads left out."""
  lines = [
    x for x in text.splitlines() if re.match(r'\| (?!Item|---|Check)', x)
  ]
  return [re.split(r'(?<!\\) ?\| ?', x)[1:-1] for x in lines]


def test_items_are_counted_and_all_files_written(own_run, capsys):
  run = own_run
  assert command.main([str(run)]) == 0
  *printed, path = capsys.readouterr().out.splitlines()
  assert path == f'{run}/card/index.html'
  text = (run / 'card' / 'checklists.md').read_text()
  parts = re.split('^## ', text, flags=re.MULTILINE)[1:]
  for part, line in zip(parts, printed[1:], strict=True):
    rows = _rows(part)
    assert all(len(row) == 4 for row in rows)
    open_rows = [row for row in rows if 'TO FILL' in row[2]]
    begun = [row for row in open_rows if row[3]]
    assert line.startswith(part.splitlines()[0])
    assert line.endswith(
      f': {len(rows) - len(open_rows)} of {len(rows)} items filled, '
      f'{len(open_rows)} open ({len(begun)} of them filled in part)'
    )
    # Whatever is answered says where that comes from.
    assert all(row[3] for row in rows if row not in open_rows)


def test_sources_are_fields_of_the_files(complete_run):
  run = complete_run
  found = evidence.read(run)
  sources = {
    part
    for name in checklist.NAMES
    for section in checklist.fill(name, found).sections.values()
    for item in section
    for answer in item.answers
    for part in answer.source.split('; ')
  }
  known = {
    name: json.loads((run / name).read_text())
    for name in ('config.json', 'report/metrics.json')
  }
  seen = 0
  for name, fields in (x.split(': ') for x in sources if ': ' in x):
    if name in known and fields != 'subgroups of the split':
      for field in fields.split(', '):
        value = known[name]
        for key in field.split('.'):
          value = value[key]
        seen += 1
  assert seen > 20


def test_no_number_of_the_report_is_without_interval_or_reason(complete_run):
  run = complete_run
  text = (run / 'card' / 'README.md').read_text()
  text = re.sub(r'95 % interval', '', text.split('---\n', 2)[2])
  percents = re.findall(r'[\d.]+ %.{0,3}', text)
  assert len(percents) > 8
  assert all(re.search(r' % \((no|\s\d)?', x) for x in percents)


def test_the_page_is_one_file_and_names_are_no_markup(complete_run):
  run = complete_run
  page = (run / 'card' / 'index.html').read_text()
  assert 'CP &lt;b&gt;|' in page
  assert '<b>' not in page
  assert 'http' not in page.replace('http-equiv', '')
  assert page.count('not a medical device') == 1
  for name in ('README.md', 'checklists.md', 'index.html'):
    # The path of a checkpoint says who trained the network.
    assert 'jdoe99' not in (run / 'card' / name).read_text()


def test_checks_that_were_not_made_leave_items_open(own_run):
  run = own_run
  command.main([str(run)])
  text = (run / 'card' / 'checklists.md').read_text()
  assert 'Patients in several splits (passed): Each of the 24' in text
  assert 'TO FILL:** Equal images, which audit/audit.json does not say' in text
  shutil.rmtree(run / 'audit')
  command.main([str(run)])
  for name in ('README.md', 'checklists.md', 'index.html'):
    text = (run / 'card' / name).read_text()
    assert 'write it: bit-covid audit DATASET --run=RUN' in text
    assert 'Each of the 24' not in text


def test_a_card_can_be_made_of_a_report_alone(own_run):
  run = own_run
  for path in run.iterdir():
    if path.is_file():
      path.unlink()
  assert command.main([str(run)]) == 0
  text = (run / 'card' / 'README.md').read_text()
  assert 'TO FILL:** model.npz does not exist; only a training' in text


def test_a_run_without_report_gets_one_line(own_run, capsys):
  run = own_run
  path = run / 'report' / 'metrics.json'
  earlier = {'test': {'accuracy': 0.5, 'slice': {'slices': 3}}}
  for content in (json.dumps(earlier), None):
    path.unlink()
    if content:
      path.write_text(content)
    assert command.main([str(run)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f'Error: {run} has no report, or one of an earlier')
    assert f'bit-covid report {run}' in error
    assert error.count('\n') == 1
  assert not (run / 'card').exists()
  assert command.main(['no_such_run']) == 2
  assert capsys.readouterr().err.count('\n') == 1


def test_neither_jax_nor_tensorflow_is_loaded(complete_run):
  program = (
    'import sys; from bit_covid.cli import command_line\n'
    f'code = command_line.main(["card", {str(complete_run)!r}])\n'
    'heavy = {"jax", "flax", "tensorflow", "matplotlib.pyplot"}\n'
    'sys.exit(code or " ".join(heavy & set(sys.modules)) or 0)'
  )
  result = subprocess.run(
    [sys.executable, '-c', program], cwd=_ROOT, capture_output=True, text=True
  )
  assert result.stderr == ''
  assert result.returncode == 0


def _structure(text):
  """Returns headings and items of a card, and the keys of its head."""
  _, head, body = text.split('---\n', 2)
  lines = re.findall(r'^(?:#+ |- \*\*).*', body, re.MULTILINE)
  head = yaml.safe_load(head)
  (result,) = head['model-index'][0]['results']
  types = {x['type'] for x in result['metrics']}
  return lines, list(head), list(result), types


def test_the_card_of_the_demo_is_as_the_command_writes_it(complete_run):
  run = complete_run
  demo = (_ROOT / 'docs' / 'model_card.md').read_text()
  assert _structure(demo) == _structure(
    (run / 'card' / 'README.md').read_text()
  )
  assert not re.search(r'(?<![\w.])/(?:home|tmp|root|work|usr)\b', demo)


@pytest.mark.slow
def test_the_page_can_be_read_with_a_screen_reader(complete_run, tmp_path):
  page = (complete_run / 'card' / 'index.html').read_text()
  assert browser.faults(page, tmp_path) == []
