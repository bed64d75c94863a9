# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Temporary folders: private, gone with their owner, swept after a crash."""

import importlib.util
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from unittest import mock

import pytest

from input_pipeline.scans import private_folder


@pytest.fixture
def temporary(tmp_path, monkeypatch):
  monkeypatch.setattr(tempfile, 'tempdir', str(tmp_path))
  return tmp_path


@pytest.fixture
def start(temporary):
  """Starts a process that owns a folder with a file; it, and the folder."""
  path = importlib.util.find_spec(private_folder.__name__).origin
  # By its path, as the package would load TensorFlow.
  program = (
    'import importlib.util, sys, time\n'
    f'spec = importlib.util.spec_from_file_location("x", {path!r})\n'
    'module = importlib.util.module_from_spec(spec)\n'
    'spec.loader.exec_module(module)\n'
    'with module.PrivateFolder() as folder:\n'
    '  (folder.path / "below").mkdir()\n'
    '  (folder.path / "below" / "Doe").write_text("x")\n'
    '  print(folder.path, flush=True)\n'
    '  sys.stdin.read()\n'
  )
  processes = []

  def start_one():
    processes.append(
      subprocess.Popen(
        [sys.executable, '-c', program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, 'TMPDIR': str(temporary)},
      )
    )
    name = processes[-1].stdout.readline().strip()
    return processes[-1], temporary / os.path.basename(name)

  yield start_one
  for each in processes:
    each.kill()
    each.communicate()


def test_it_is_private_and_removed(temporary):
  with private_folder.PrivateFolder() as folder:
    assert folder.path.parent == temporary
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    (folder.path / 'Doe').write_text('x')
  folder.remove()
  assert not list(temporary.iterdir())


def test_what_could_not_be_removed_is_swept(temporary, monkeypatch):
  folder = private_folder.PrivateFolder()
  with monkeypatch.context() as patch:
    patch.setattr(shutil, 'rmtree', mock.Mock(side_effect=OSError('busy')))
    with pytest.raises(OSError, match='busy'):
      folder.remove()
  private_folder.sweep()
  assert not list(temporary.iterdir())


def test_folders_of_the_living_stay_and_those_of_the_killed_go(
  start, temporary
):
  living, kept = start()
  killed, left = start()
  killed.kill()
  killed.wait()
  assert (left / 'below' / 'Doe').exists()
  with private_folder.PrivateFolder() as mine:
    assert set(temporary.iterdir()) == {kept, mine.path}
    private_folder.sweep()
    assert mine.path.exists()
  assert (kept / 'below' / 'Doe').exists()
  living.communicate()
  assert not list(temporary.iterdir())


def test_what_is_not_its_own_is_left_alone(temporary, monkeypatch):
  others = ['bit_covid_app1', 'other', 'bit_covid-file', 'bit_covid-link']
  for name in others[:2]:
    (temporary / name).mkdir()
  (temporary / 'bit_covid-file').write_text('x')
  (temporary / 'bit_covid-link').symlink_to(temporary / 'other')
  private_folder.sweep()
  assert {x.name for x in temporary.iterdir()} == set(others)
  (temporary / 'bit_covid-theirs').mkdir()
  monkeypatch.setattr(os, 'getuid', lambda: -1)
  private_folder.sweep()
  assert (temporary / 'bit_covid-theirs').exists()
  monkeypatch.undo()
  monkeypatch.setattr(tempfile, 'tempdir', str(temporary))
  private_folder.sweep()
  assert not (temporary / 'bit_covid-theirs').exists()


def test_a_folder_that_is_swept_before_it_is_locked_is_made_again(
  temporary, monkeypatch
):
  original, made = private_folder._lock, []

  def swept_first(path):
    made.append(path)
    if len(made) == 1:
      private_folder.sweep()
    return original(path)

  monkeypatch.setattr(private_folder, '_lock', swept_first)
  with private_folder.PrivateFolder() as folder:
    assert len(made) == 2
    assert list(temporary.iterdir()) == [folder.path]
