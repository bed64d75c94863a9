# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Config files by name or path, from any folder."""

import importlib
import pathlib
import sys

import pytest

import bit_covid
from bit_covid.base import config_files
from configs import common
from configs import demo

ROOT = pathlib.Path(__file__).parents[3]


@pytest.fixture
def own_folder(tmp_path, monkeypatch):
  """A folder of a user's own with a package `configs`."""
  (tmp_path / 'configs').mkdir()
  broken = 'raise RuntimeError("not ours")\n'
  (tmp_path / 'configs/common.py').write_text(broken)
  (tmp_path / 'configs/mine.py').write_text(
    'from configs import demo\n'
    'import beside\n'
    'def get_config(arg=None):\n'
    '  config = demo.get_config(arg)\n'
    '  config.batch = beside.BATCH\n'
    '  return config\n'
  )
  (tmp_path / 'configs/larger.py').write_text(
    'from configs import mine\nget_config = mine.get_config\n'
  )
  (tmp_path / 'beside.py').write_text('BATCH = 7\n')
  monkeypatch.chdir(tmp_path)
  return tmp_path


def test_a_name_is_a_file_of_the_project(own_folder):
  (own_folder / 'demo').mkdir()
  assert config_files.find('demo') == str(ROOT / 'configs/demo.py')


def test_a_path_is_the_users_where_there_is_such_a_file(own_folder):
  assert config_files.find('configs/mine.py') == 'configs/mine.py'
  assert config_files.find('configs/common.py') == 'configs/common.py'
  installed = str(ROOT / 'configs/bit_m.py')
  assert config_files.find('configs/bit_m.py') == installed


@pytest.mark.parametrize(
  'text', ['none', 'configs/none.py', 'other/demo.py', 'configs', 'common', '']
)
def test_anything_else_stays_as_it_is(own_folder, text):
  assert config_files.find(text) == text


@pytest.mark.parametrize(
  ('arguments', 'expected'),
  [
    (['demo:seed=3', '--workdir=a'], ['--config=DEMO:seed=3', '--workdir=a']),
    (['--workdir=a', '--config', 'demo'], ['--workdir=a', '--config=DEMO']),
    (['-config=configs/demo.py'], ['--config=configs/demo.py']),
    (['--config=my/own.py:a=b'], ['--config=my/own.py:a=b']),
    (['--config.batch=demo'], ['--config.batch=demo']),
    (['--config'], ['--config=']),
    ([], []),
  ],
)
def test_a_config_is_found_by_its_name(arguments, expected):
  path = str(ROOT / 'configs/demo.py')
  expected = [text.replace('DEMO', path) for text in expected]
  assert config_files.resolve_flag(arguments) == expected


def test_configs_of_the_project_win_over_those_of_the_folder(own_folder):
  config = config_files.get_config('demo', 'seed=5')
  assert config == demo.get_config('seed=5')
  assert config_files.get_config('configs/mine.py').batch == 7
  assert config_files.get_config('configs/larger.py', 'seed=2').seed == 2


def test_the_public_function_gives_the_same(own_folder):
  assert bit_covid.get_config('demo', 'seed=5') == demo.get_config('seed=5')
  assert bit_covid.get_config('configs/mine.py').batch == 7


@pytest.mark.parametrize('name', ['none', 'configs/none.py', 'configs', ''])
def test_a_config_that_does_not_exist_is_an_error(own_folder, name):
  with pytest.raises(FileNotFoundError) as error:
    bit_covid.get_config(name)
  text = str(error.value)
  assert text.startswith(f'There is no config {name!r}; expected one of bit_m,')
  assert text.endswith(' sars_cov_2_ct, or the path of a file of your own.')


def test_nothing_of_it_stays(own_folder):
  path = list(sys.path)
  with config_files.importable():
    assert importlib.import_module('configs.common') is not common
    assert importlib.import_module('configs.mine')
  assert sys.path == path
  assert sys.modules['configs.common'] is common
  assert 'configs.mine' not in sys.modules


def test_another_package_of_that_name_is_there_again(monkeypatch):
  other = object()
  monkeypatch.setitem(sys.modules, 'configs', other)
  with config_files.importable():
    assert importlib.import_module('configs.demo').get_config().batch == 32
  assert sys.modules['configs'] is other


def test_nothing_of_it_stays_after_an_error(own_folder):
  with pytest.raises(RuntimeError, match='not ours'):
    config_files.get_config('configs/common.py')
  assert sys.modules['configs.common'] is common
  assert str(own_folder) not in sys.path


def test_a_file_is_shown_as_short_as_it_can_be(own_folder, monkeypatch):
  whole = str(ROOT / 'configs/common.py')
  assert config_files.shown('common') == whole
  monkeypatch.chdir(ROOT)
  assert config_files.shown('common') == 'configs/common.py'
