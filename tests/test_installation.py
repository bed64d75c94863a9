# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What setup.py says and packs, and that a wheel works far from the clone."""

import fnmatch
import os
import pathlib
import re
import runpy
import subprocess
import sys

import pytest
import setuptools

from bit_covid.base import config_files
from bit_covid.base import project
from bit_covid.base import version

ROOT = pathlib.Path(__file__).parents[1]


@pytest.fixture
def setup(monkeypatch):
  """Returns the keyword arguments that setup.py gives to setuptools."""

  def read():
    found = {}
    monkeypatch.setattr(setuptools, 'setup', lambda **keys: found.update(keys))
    monkeypatch.chdir(ROOT)
    runpy.run_path('setup.py')
    return found

  return read


def test_metadata(setup):
  found = setup()
  assert found['version'] == version.VERSION
  assert found['author']
  assert found['license_expression'] == 'Apache-2.0'
  assert found['python_requires'] == '>=3.11,<3.14'
  assert 'COVID-19' in found['keywords']
  pythons = [x.rpartition(' ')[2] for x in found['classifiers'] if '3.' in x]
  assert pythons == ['3.11', '3.12', '3.13']


def test_the_address_of_the_repository_is_one_constant(setup, monkeypatch):
  run_path = runpy.run_path

  def with_address(path):
    found = run_path(str(path))
    if pathlib.Path(path).name == 'project.py':
      found['REPOSITORY'] = 'https://example.org/it'
    return found

  address = project.REPOSITORY
  expected = {'Repository': address} if address else {}
  assert setup()['project_urls'] == expected
  monkeypatch.setattr(runpy, 'run_path', with_address)
  assert setup()['project_urls'] == {'Repository': 'https://example.org/it'}


def _packed(found):
  """Returns the files of a wheel, as paths in the repository."""
  files = set()
  for package in found['packages']:
    folder = found['package_dir'].get(package, package.replace('.', '/'))
    for path in (ROOT / folder).rglob('*'):
      inside = path.relative_to(ROOT / folder).as_posix()
      patterns = [
        pattern
        for name in ('', package)
        for pattern in found['package_data'].get(name, ())
      ]
      is_module = path.suffix == '.py' and '/' not in inside
      if is_module or any(fnmatch.fnmatch(inside, x) for x in patterns):
        files.add(path.relative_to(ROOT).as_posix())
  return files


def test_a_wheel_holds_every_file_of_the_packages(setup):
  listed = subprocess.run(
    ['git', 'ls-files', 'bit_covid', 'input_pipeline', 'configs'],
    cwd=ROOT,
    capture_output=True,
    text=True,
    check=False,
  ).stdout.split()
  if not listed:
    pytest.skip('the files that belong to the project are known in a clone')
  assert {x for x in listed if (ROOT / x).exists()} <= _packed(setup())


def test_modules_of_both_packages_are_typed(setup):
  assert {'bit_covid/py.typed', 'input_pipeline/py.typed'} <= _packed(setup())


def test_what_breaks_in_an_announced_version_is_excluded(setup):
  needed = setup()['install_requires']
  assert 'orbax-checkpoint>=0.12,<1' in needed


def test_every_requirement_has_a_lowest_version(setup):
  found = setup()
  extras = [x for extra in found['extras_require'].values() for x in extra]
  for requirement in found['install_requires'] + extras:
    assert re.match(r'[\w-]+(\[\w+\])?>=\d|jax\[\w+\]$', requirement)


def test_every_config_has_a_name():
  stems = {path.stem for path in (ROOT / 'configs').glob('*.py')}
  assert set(config_files.NAMES) == stems - {'__init__', 'common'}


@pytest.mark.slow
def test_a_source_distribution_has_configs_tests_and_documents(built):
  (folder,) = (built / 'unpacked').iterdir()
  for name in (
    '.ci/run',
    'CHANGELOG.md',
    'configs/demo.py',
    'docs/images/app.png',
    'tests/stored/numbers.json',
    'tests/test_installation.py',
  ):
    assert (folder / name).is_file()
  assert not list(folder.rglob('*.pyc'))


@pytest.mark.slow
def test_a_wheel_is_used_far_from_the_clone(built, tmp_path):
  (wheel,) = built.glob('*.whl')
  site = tmp_path / 'site'
  pip = [sys.executable, '-m', 'pip', 'install', '-q', '--no-deps']
  pip += ['--no-index', f'--target={site}', str(wheel)]
  subprocess.run(pip, check=True)
  assert (site / 'bit_covid/configs/demo.py').is_file()
  assert not (site / 'configs').exists()
  result = subprocess.run(
    [
      sys.executable,
      str(ROOT / 'tests/installed.py'),
      f'--programs={site / "bin"}',
    ],
    cwd=tmp_path,
    env=os.environ | {'PYTHONPATH': str(site)},
    capture_output=True,
    text=True,
    check=False,
  )
  assert result.returncode == 0, result.stderr
