# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Files of a user's folder that have the names of modules of the project."""

import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[3]


def _run(folder, *arguments):
  return subprocess.run(
    [sys.executable, *arguments],
    cwd=folder,
    env=os.environ | {'PYTHONPATH': str(ROOT)},
    capture_output=True,
    text=True,
    check=False,
  )


@pytest.fixture
def own_folder(tmp_path):
  for name in ('input_pipeline', 'random', 'jinja2'):
    path = tmp_path / f'{name}.py'
    path.write_text('raise RuntimeError("not ours")\n')
  return tmp_path


@pytest.mark.parametrize('module', ['bit_covid.predict', 'bit_covid.main'])
def test_what_is_installed_wins_in_commands(own_folder, module):
  result = _run(own_folder, '-m', module, '--help')
  assert result.returncode == 0, result.stderr
  assert result.stdout.startswith(f'usage: python -m {module} ')


def test_a_library_says_what_is_hidden(own_folder):
  result = _run(own_folder, '-c', 'import bit_covid')
  *_, last = result.stderr.splitlines()
  assert last == (
    f'ImportError: {own_folder}/input_pipeline.py hides the package '
    'input_pipeline of bit_covid. Rename it, or start Python in another folder.'
  )


def test_a_module_that_is_loaded_already_is_said(own_folder):
  (own_folder / 'input_pipeline.py').write_text('')
  program = 'import sys, input_pipeline; del sys.path[0]; import bit_covid'
  assert 'hides the package' in _run(own_folder, '-c', program).stderr


def test_a_command_says_so_in_one_line_where_it_cannot_win(own_folder):
  # As with PYTHONPATH, or an editable installation, which is searched last.
  paths = os.pathsep.join([str(own_folder), str(ROOT)])
  (own_folder / 'random.py').unlink()
  (own_folder / 'elsewhere').mkdir()
  result = subprocess.run(
    [sys.executable, '-m', 'bit_covid.predict', '--help'],
    cwd=own_folder / 'elsewhere',
    env=os.environ | {'PYTHONPATH': paths},
    capture_output=True,
    text=True,
    check=False,
  )
  assert result.returncode == 1
  assert 'hides the package input_pipeline of bit_covid' in result.stderr
  assert result.stderr.count('\n') == 1


def test_another_folder_of_that_name_is_no_package(tmp_path):
  (tmp_path / 'input_pipeline').mkdir()
  # Without `__init__.py`, a package further back comes first.
  assert _run(tmp_path, '-c', 'import bit_covid').stderr == ''


@pytest.mark.parametrize('options', [[], ['-P']])
def test_the_order_changes_in_commands_alone(tmp_path, options):
  (tmp_path / 'mine.py').write_text(
    'import sys\nbefore = list(sys.path)\nimport bit_covid\n'
    'assert sys.path == before\n'
  )
  assert _run(tmp_path, *options, str(tmp_path / 'mine.py')).stderr == ''
