# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Processes that do tasks, die, or lose their parent."""

import os
import signal
import subprocess
import sys
import time

import pytest

from bit_covid.base import worker_processes

_prefix = []


def start(prefix):
  if prefix == 'missing':
    raise FileNotFoundError(f'{prefix} in process {os.getpid()}')
  _prefix.append(prefix)


def task(name):
  if name == 'deadly':
    os.kill(os.getpid(), signal.SIGKILL)
  if name == 'wrong':
    raise ValueError('a wrong name')
  return _prefix[0] + name, os.getpid()


def _run(names, *, jobs=2, prefix='x'):
  done = {}
  dead = worker_processes.run(
    task,
    names,
    jobs=jobs,
    start=start,
    arguments=(prefix,),
    on_done=done.__setitem__,
  )
  return done, dead


def test_each_task_is_done_once_elsewhere():
  names = [str(i) for i in range(6)]
  done, dead = _run(names)
  assert dead == []
  assert {name: text for name, (text, _) in done.items()} == {
    name: f'x{name}' for name in names
  }
  assert os.getpid() not in {process for _, process in done.values()}


def test_task_that_kills_its_process_is_given_up_alone():
  names = ['a', 'b', 'deadly', 'c', 'd', 'e']
  done, dead = _run(names)
  assert dead == ['deadly']
  assert sorted(done) == ['a', 'b', 'c', 'd', 'e']


def test_error_of_a_task_is_raised():
  with pytest.raises(ValueError, match='a wrong name'):
    _run(['a', 'wrong'], jobs=1)


def test_error_of_the_start_is_raised_at_once(capfd):
  with pytest.raises(FileNotFoundError, match='missing in process'):
    _run(['a', 'b', 'c'], prefix='missing')
  assert 'Traceback' not in capfd.readouterr().err


_PARENT = """
import time
from bit_covid.base import worker_processes

def start():
  pass

def task(name):
  import os
  print(os.getpid(), flush=True)
  time.sleep(600)

if __name__ == '__main__':
  worker_processes.run(
    task, ['a'], jobs=1, start=start, arguments=(), on_done=print
  )
"""


def test_processes_end_when_their_parent_is_killed(tmp_path):
  script = tmp_path / 'parent.py'
  script.write_text(_PARENT)
  parent = subprocess.Popen(
    [sys.executable, script], stdout=subprocess.PIPE, text=True
  )
  worker = int(parent.stdout.readline())
  parent.kill()
  parent.wait()
  parent.stdout.close()
  deadline = time.monotonic() + 30
  while time.monotonic() < deadline and _is_running(worker):
    time.sleep(0.05)
  assert not _is_running(worker)


def _is_running(process):
  try:
    with open(f'/proc/{process}/stat') as file:
      return file.read().split(') ')[1][0] != 'Z'
  except FileNotFoundError:
    return False
