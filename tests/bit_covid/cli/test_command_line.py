# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""`bit-covid VERB`: help, verbs, and how long it takes."""

import importlib.util
import os
import pathlib
import re
import subprocess
import sys

import pytest

import bit_covid
from bit_covid.cli import command_line

_ROOT = pathlib.Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def keep_program(monkeypatch):
  """The verb becomes the program's name, of which other tests know nothing."""
  monkeypatch.setattr(sys, 'argv', list(sys.argv))


def test_help_lists_every_verb(capsys):
  assert command_line.main(['--help']) == 0
  printed = capsys.readouterr().out
  for name, verb in command_line.VERBS.items():
    assert f'{name} ' in printed
    assert verb.summary in printed
  assert max(map(len, printed.splitlines())) <= 80
  assert command_line.main([]) == 0
  assert capsys.readouterr().out == printed


def test_help_is_light():
  program = (
    'import sys; from bit_covid.cli import command_line\n'
    'code = command_line.main(["--help"])\n'
    'heavy = {"jax", "tensorflow", "numpy", "pandas", "absl", "rich"}\n'
    'sys.exit(code or " ".join(heavy & set(sys.modules)) or 0)'
  )
  result = subprocess.run(
    [sys.executable, '-c', program], cwd=_ROOT, capture_output=True, text=True
  )
  assert result.stderr == ''
  assert result.returncode == 0


@pytest.mark.parametrize('verb', command_line.VERBS)
def test_every_verb_has_examples_under_its_own_name(verb, capsys):
  try:
    code = command_line.main([verb, '--help'])
  except SystemExit as end:
    code = end.code
  assert not code
  printed = capsys.readouterr().out
  assert 'xamples:' in printed
  assert f'usage: bit-covid {verb}' in printed
  assert len(re.findall(rf'^ +bit-covid {verb}', printed, re.MULTILINE)) >= 1
  assert '--debug' in printed


@pytest.mark.parametrize(
  ('verb', 'meant'), [('predikt', 'predict'), ('reprot', 'report')]
)
def test_a_verb_that_is_none_gets_one_line(verb, meant, capsys):
  assert command_line.main([verb]) == 2
  error = capsys.readouterr().err
  assert f'Did you mean {meant}?' in error
  assert ', '.join(command_line.VERBS) in error
  assert error.count('\n') == 1


def test_an_extra_that_is_not_installed_is_named(capsys, monkeypatch):
  verb = command_line.Verb('bit_covid.no_such', 'x', extra='app')
  monkeypatch.setitem(command_line.VERBS, 'app', verb)
  assert command_line.main(['app']) == 2
  error = capsys.readouterr().err
  assert "pip install 'bit-covid[app]'" in error
  assert error.count('\n') == 1


def test_version(capsys):
  assert command_line.main(['--version']) == 0
  assert capsys.readouterr().out.strip() == f'bit_covid {bit_covid.__version__}'


def test_python_m_and_exit_codes():
  result = subprocess.run(
    [sys.executable, '-m', 'bit_covid', 'compare', 'none', 'none'],
    cwd=_ROOT,
    env=os.environ,
    capture_output=True,
    text=True,
  )
  assert result.returncode == 2
  assert result.stderr.startswith('Error: none does not exist')
  assert result.stderr.count('\n') == 1
  assert result.stdout == ''


def test_every_module_is_there():
  for verb in command_line.VERBS.values():
    assert importlib.util.find_spec(verb.module)
  console_script = re.search(
    r'bit-covid = ([\w.]+):(\w+)', (_ROOT / 'setup.py').read_text()
  )
  assert console_script.groups() == ('bit_covid.cli.command_line', 'run')
