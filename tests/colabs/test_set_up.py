# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The opening of the notebooks: the badge for Colab and the set-up cell."""

import copy
import importlib.util
import pathlib
import subprocess
import sys
import types

import nbformat
import numpy as np
import pytest

from bit_covid.base import project
from bit_covid.base import version

ROOT = pathlib.Path(__file__).parents[2]
NAMES = ('fine_tune', 'your_own_images', 'explain_a_scan', 'tpu')
ADDRESS = 'https://github.com/OWNER/NAME'


def _read(name):
  return nbformat.read(ROOT / f'colabs/{name}.ipynb', as_version=4)


@pytest.mark.parametrize('name', NAMES)
def test_notebooks_are_in_step_with_the_opening(name, execute):
  notebook = _read(name)
  expected = copy.deepcopy(notebook)
  execute.write_opening(expected, name, repository=project.REPOSITORY)
  assert notebook == expected, 'Run python colabs/execute.py --opening_only.'


@pytest.mark.parametrize('address', [ADDRESS, f'{ADDRESS}.git', f'{ADDRESS}/'])
def test_with_an_address_there_is_a_badge(address, execute):
  notebook = _read('tpu')
  execute.write_opening(notebook, 'tpu', repository=address)
  badge, title, text, code = notebook.cells[:4]
  assert badge.source.startswith('[![Open in Colab](https://colab.research.')
  assert badge.source.endswith(
    '](https://colab.research.google.com/github/OWNER/NAME/blob/main/colabs/'
    'tpu.ipynb)'
  )
  assert title.source.startswith('# On a TPU')
  assert text.source.startswith('## Set-up')
  assert f'REPOSITORY = {address!r}\n' in code.source
  # Written twice, it is there once; without an address, it goes again.
  cells = copy.deepcopy(notebook.cells)
  execute.write_opening(notebook, 'tpu', repository=address)
  assert notebook.cells == cells
  execute.write_opening(notebook, 'tpu', repository='')
  assert [x.id for x in notebook.cells] == [x.id for x in cells[1:]]


@pytest.mark.parametrize('address', ['', 'https://example.org/OWNER/NAME'])
def test_where_colab_finds_no_notebooks_there_is_no_badge(address, execute):
  notebook = _read('tpu')
  execute.write_opening(notebook, 'tpu', repository=address)
  assert notebook.cells[0].source.startswith('# On a TPU')
  assert not [x for x in notebook.cells if 'Open in Colab' in x.source]
  assert f'REPOSITORY = {address!r}\n' in notebook.cells[2].source


@pytest.fixture
def set_up(monkeypatch, tmp_path, execute):
  """Runs the set-up cell as if bit_covid were not installed.

  Returns what it asks pip for.
  """
  packages = []
  find_spec = importlib.util.find_spec

  def run(command, **_):
    assert command[:5] == [sys.executable, '-m', 'pip', 'install', '-q']
    packages.append(command[5])
    failed = 'broken' in command[5]
    return types.SimpleNamespace(returncode=failed, stderr='what pip says\n')

  monkeypatch.chdir(tmp_path)
  monkeypatch.setattr(
    importlib.util,
    'find_spec',
    lambda name: None if name == 'bit_covid' else find_spec(name),
  )
  monkeypatch.setattr(subprocess, 'run', run)

  def set_up_cell(repository='', wheel=''):
    code = execute.set_up_code(repository)
    assert code.count("WHEEL = ''") == 1
    exec(code.replace("WHEEL = ''", f'WHEEL = {wheel!r}'), {})
    (package,) = packages
    name, at, source = package.split()
    assert name in ('bit-covid', 'bit-covid[cuda]', 'bit-covid[tpu]')
    assert at == '@'
    return source

  return set_up_cell


def test_an_installed_version_is_named(execute, capsys):
  exec(execute.set_up_code(ADDRESS), {})
  installed = f'bit_covid {version.VERSION} is installed.\n'
  assert capsys.readouterr().out == installed


def test_the_repository_is_installed(set_up, capsys):
  assert set_up(ADDRESS) == f'git+{ADDRESS}'
  printed = capsys.readouterr().out
  assert 'Installing bit_covid.' in printed
  assert 'what pip says' in printed


def test_a_wheel_is_installed_by_its_path(set_up, tmp_path):
  wheel = tmp_path / 'a folder/bit_covid-1-py3-none-any.whl'
  wheel.parent.mkdir()
  wheel.touch()
  expected = f'file://{tmp_path}/a%20folder/bit_covid-1-py3-none-any.whl'
  assert set_up(wheel=str(wheel)) == expected


def test_a_wheel_beside_the_notebook_is_installed(set_up, tmp_path, capsys):
  (tmp_path / 'bit_covid-1-py3-none-any.whl').touch()
  assert set_up().endswith('/bit_covid-1-py3-none-any.whl')
  assert 'pip wheel' not in capsys.readouterr().out


def test_without_a_wheel_it_says_how_to_build_one(set_up, capsys):
  with pytest.raises(RuntimeError, match='set WHEEL to its path'):
    set_up()
  assert 'pip wheel --no-deps .' in capsys.readouterr().out


@pytest.fixture
def colab(monkeypatch):
  """A stand-in for the package google.colab; holds the files to be chosen."""
  chosen = []
  files = types.SimpleNamespace(
    upload=lambda: [pathlib.Path(x).touch() for x in chosen]
  )
  module = types.SimpleNamespace(files=files)
  monkeypatch.setitem(sys.modules, 'google', types.SimpleNamespace())
  monkeypatch.setitem(sys.modules, 'google.colab', module)
  return chosen


def test_colab_asks_for_a_wheel(set_up, colab, capsys):
  colab.append('bit_covid-1-py3-none-any.whl')
  assert set_up().endswith('/bit_covid-1-py3-none-any.whl')
  printed = capsys.readouterr().out
  assert 'pip wheel --no-deps .' in printed
  assert 'upload it' in printed


def test_colab_says_if_none_was_chosen(set_up, colab):
  with pytest.raises(RuntimeError, match='There is no wheel of bit_covid'):
    set_up()


def test_what_pip_says_is_shown(set_up):
  with pytest.raises(RuntimeError, match=r'installed\. pip says:\nwhat pip'):
    set_up('https://example.org/broken')


def test_it_says_when_a_restart_is_needed(set_up, monkeypatch):
  monkeypatch.setattr(np, '__version__', '1.26.4')
  with pytest.raises(RuntimeError, match=r'version of numpy .*Restart session'):
    set_up(ADDRESS)
