# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Two commands on one work directory, the first of them alive or dead."""

import os
import pathlib
import socket
import subprocess
import sys

import pytest

from bit_covid.training import run_lock

_HOLD = """
import sys
from bit_covid.training import run_lock
with run_lock.hold(sys.argv[1]):
  print('held', flush=True)
  sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path):
  """Another process that holds the folder."""
  process = subprocess.Popen(
    [sys.executable, '-c', _HOLD, str(tmp_path)],
    env=os.environ | {'PYTHONPATH': str(pathlib.Path(__file__).parents[3])},
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
  )
  with process:
    assert process.stdout.readline() == b'held\n'
    yield process


def test_second_is_refused_with_the_first_one_until_it_has_ended(
  other, tmp_path
):
  name = f'process {other.pid} on {socket.gethostname()}'
  for _ in range(2):
    with (
      pytest.raises(ValueError, match=f'is in use by {name}'),
      run_lock.hold(tmp_path),
    ):
      pass
  other.communicate()
  assert not list(tmp_path.iterdir())
  with run_lock.hold(tmp_path):
    pass


def test_lock_of_a_killed_process_is_no_hindrance(other, tmp_path):
  other.kill()
  other.wait()
  assert (tmp_path / run_lock.FILE_NAME).exists()
  with run_lock.hold(tmp_path):
    text = (tmp_path / run_lock.FILE_NAME).read_text()
    assert text == f'process {os.getpid()} on {socket.gethostname()}'
  assert not list(tmp_path.iterdir())


def test_the_process_that_holds_it_may_ask_again(tmp_path):
  folder = tmp_path / 'new'
  with run_lock.hold(folder):
    with run_lock.hold(str(folder)):
      pass
    assert (folder / run_lock.FILE_NAME).exists()
  # A refused command leaves no folder.
  assert not folder.exists()


def test_other_hosts_of_a_run_do_not_lock(tmp_path, monkeypatch):
  monkeypatch.setattr(run_lock.jax, 'process_index', lambda: 1)
  with run_lock.hold(tmp_path):
    assert not list(tmp_path.iterdir())


def test_training_is_refused_before_it_reads_anything(other, tmp_path):
  @run_lock.locks_workdir
  def train(config, workdir):
    raise AssertionError

  with pytest.raises(ValueError, match='is in use'):
    train(None, tmp_path)
  assert other.poll() is None


def test_a_file_in_the_way_is_named(tmp_path):
  path = tmp_path / 'file'
  path.write_text('')
  for name in (path, path / 'run'):
    with (
      pytest.raises(ValueError, match=r'--workdir=.*/file is a file; name a f'),
      run_lock.hold(name),
    ):
      pass
  # The results would be written into it hours later.
  (tmp_path / 'run').mkdir()
  (tmp_path / 'run' / 'predictions').write_text('')
  with (
    pytest.raises(
      ValueError, match=r'--output=.*/run: .*/predictions is a fil'
    ),
    run_lock.hold(tmp_path / 'run', flag='--output'),
  ):
    pass


def test_a_lock_without_room_is_named_and_removed(tmp_path, largest_file):
  with (
    largest_file(0),
    pytest.raises(OSError, match='large') as caught,
    run_lock.hold(tmp_path / 'run'),
  ):
    pass
  assert caught.value.filename == str(tmp_path / 'run' / run_lock.FILE_NAME)
  assert not list(tmp_path.iterdir())
