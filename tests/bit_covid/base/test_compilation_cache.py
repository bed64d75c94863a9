# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The cache is found again, is the user's alone, and can be set elsewhere."""

import os
import pathlib
import subprocess
import sys

import jax
import pytest

from bit_covid.base import compilation_cache

_COMPILE = """
import jax, jax.numpy as jnp
from bit_covid.base import compilation_cache
folder = compilation_cache.enable()
jax.config.update('jax_persistent_cache_min_compile_time_secs', 0.0)
jax.jit(lambda x: jnp.sin(x) @ x)(jnp.ones((8, 8))).block_until_ready()
print(folder)
"""

_OPTIONS = (
  'jax_compilation_cache_dir',
  'jax_compilation_cache_max_size',
  'jax_persistent_cache_min_compile_time_secs',
)


@pytest.fixture(name='cache_home')
def set_cache_home(tmp_path, monkeypatch):
  """An empty cache folder of the user's, and no cache of JAX yet."""
  monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
  before = {name: getattr(jax.config, name) for name in _OPTIONS}
  jax.config.update('jax_compilation_cache_dir', None)
  yield tmp_path / 'cache'
  for name, value in before.items():
    jax.config.update(name, value)


def _start(tmp_path: pathlib.Path) -> pathlib.Path:
  environment = os.environ | {
    'XDG_CACHE_HOME': str(tmp_path),
    'JAX_PLATFORMS': 'cpu',
  }
  environment.pop('JAX_COMPILATION_CACHE_DIR', None)
  run = subprocess.run(
    [sys.executable, '-c', _COMPILE],
    capture_output=True,
    text=True,
    check=True,
    env=environment,
  )
  assert 'Error' not in run.stderr
  return pathlib.Path(run.stdout.strip())


def test_a_second_start_adds_no_program(tmp_path):
  folder = _start(tmp_path)
  assert folder.is_relative_to(tmp_path)
  assert folder.stat().st_mode & 0o077 == 0
  programs = sorted(folder.glob('*-cache'))
  assert programs
  _start(tmp_path)
  assert sorted(folder.glob('*-cache')) == programs


def test_what_the_user_has_set_stays():
  # tests/conftest.py has set it.
  before = jax.config.jax_compilation_cache_dir
  assert compilation_cache.enable() == pathlib.Path(before)
  assert jax.config.jax_compilation_cache_dir == before


@pytest.mark.parametrize('level', range(4))
def test_a_folder_that_others_can_write_to_is_not_used(
  cache_home, caplog, level
):
  folder = compilation_cache.enable()
  # The folder, and those above it up to the cache of all programs.
  changed = (folder, *folder.parents)[level]
  jax.config.update('jax_compilation_cache_dir', None)
  for mode in (0o777, 0o770):
    changed.chmod(mode)
    assert compilation_cache.enable() is None
    assert jax.config.jax_compilation_cache_dir is None
    assert f'others than you can write to {changed}.' in caplog.text
  # What others cannot change in it.
  changed.chmod(0o1777)
  assert (compilation_cache.enable() == folder) == (level > 0)
  assert cache_home.is_relative_to(changed) == (level == 3)


def test_a_folder_above_of_another_user_is_not_used(cache_home, monkeypatch):
  folder = compilation_cache.enable()
  jax.config.update('jax_compilation_cache_dir', None)
  if os.getuid():
    monkeypatch.setattr(compilation_cache.os, 'getuid', lambda: 4711)
  else:  # Whose folders anybody may use.
    os.chown(folder.parent, 4711, -1)
  assert compilation_cache.enable() is None


def test_what_lies_above_the_home_does_not_matter(cache_home, monkeypatch):
  cache_home.mkdir(mode=0o755)
  cache_home.parent.chmod(0o777)
  assert compilation_cache.enable() is None
  monkeypatch.setenv('HOME', str(cache_home))
  assert compilation_cache.enable() is not None


def test_new_folders_are_private_whatever_the_umask(cache_home):
  before = os.umask(0)
  try:
    folder = compilation_cache.enable()
  finally:
    os.umask(before)
  assert folder is not None
  assert cache_home.stat().st_mode & 0o777 == 0o700


def test_a_link_is_followed_before_it_is_checked(cache_home):
  (cache_home.parent / 'there').mkdir(mode=0o700)
  cache_home.symlink_to('there')
  folder = compilation_cache.enable()
  assert folder.is_relative_to(cache_home.parent / 'there')


def test_a_home_that_cannot_be_written_to_is_no_error(cache_home):
  cache_home.write_text('a file where the folder should be')
  assert compilation_cache.enable() is None


def test_a_program_that_was_not_written_to_its_end_is_removed(tmp_path):
  folder = _start(tmp_path)
  whole = sorted(folder.glob('*-cache'))
  # As a kill leaves them: JAX writes the time of use last.
  for number, program in enumerate(whole):
    program.write_bytes(program.read_bytes()[: 100 * number])
    program.with_name(program.name.replace('-cache', '-atime')).unlink()
  assert _start(tmp_path) == folder
  assert sorted(folder.glob('*-cache')) == whole
  assert all(x.stat().st_size > 500 for x in whole)


def test_other_numbers_of_cores_have_other_folders(cache_home, monkeypatch):
  folders = set()
  for cores in ({0}, {0, 1}, {1, 2}):
    monkeypatch.setattr(os, 'sched_getaffinity', lambda _, x=cores: x)
    jax.config.update('jax_compilation_cache_dir', None)
    folders.add(compilation_cache.enable())
  assert len(folders) == 2
