# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What the first and the second SIGINT or SIGTERM do to a command."""

import contextlib
import pathlib
import signal
import subprocess
import sys
import threading
import time

import pytest

from bit_covid.base import command
from bit_covid.base import stop_signals

ROOT = pathlib.Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def no_signal_is_left():
  before = [signal.getsignal(signum) for signum in stop_signals.SIGNALS]
  yield
  assert [signal.getsignal(s) for s in stop_signals.SIGNALS] == before
  stop_signals.forget()


def _start(work):
  program = (
    'import hashlib, sys\n'
    'from bit_covid.base import command\n'
    'from bit_covid.base import stop_signals\n'
    f'def work():\n  print("started", flush=True)\n  {work}\n  return 0\n'
    'with stop_signals.second_ends_program():\n'
    '  sys.exit(command.run(work, debug=False))\n'
  )
  process = subprocess.Popen(
    [sys.executable, '-c', program],
    cwd=ROOT,
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
  )
  assert process.stdout.readline() == 'started\n'
  return process


@pytest.mark.parametrize(
  ('signum', 'code'),
  [
    (signal.SIGINT, 130),
    (signal.SIGTERM, 143),
    (signal.SIGHUP, 129),
    (signal.SIGQUIT, 131),
  ],
)
def test_a_signal_ends_a_command_with_its_code(signum, code, capsys):
  def work():
    signal.raise_signal(signum)
    return 0

  assert command.run(work, debug=False, stopped='Stopped. Go on.') == code
  assert capsys.readouterr().err == '\nStopped. Go on.\n'


def test_a_signal_that_is_swallowed_is_no_success(capsys):
  def work():
    with contextlib.suppress(BaseException):  # As destructors do.
      signal.raise_signal(signal.SIGTERM)
    return 0

  assert command.run(work, debug=False) == 143
  assert command.run(lambda: 0, debug=False) == 0
  assert capsys.readouterr().err == '\nStopped.\n'


def test_a_text_says_how_far_the_work_got(capsys):
  def work():
    raise stop_signals.Stopped(signal.SIGINT, 'Step 3.')

  assert command.run(work, debug=False) == 130
  assert capsys.readouterr().err == '\nStep 3.\n'


def test_second_signal_ends_a_program_that_runs_no_python():
  # Takes a minute, in which no handler of Python is called.
  with _start(
    'hashlib.pbkdf2_hmac("sha256", b"", b"", 200_000_000)'
  ) as process:
    time.sleep(1)  # Until it is in there.
    process.send_signal(signal.SIGTERM)
    with pytest.raises(subprocess.TimeoutExpired):
      process.wait(timeout=0.5)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == 143


def test_a_closed_terminal_may_hang_up_twice(capsys):
  def work():
    try:
      signal.raise_signal(signal.SIGHUP)
    finally:
      # While files are removed, say.
      signal.raise_signal(signal.SIGHUP)

  assert command.run(work, debug=False) == 129
  assert capsys.readouterr().err == '\nStopped.\n'


def test_a_second_hangup_does_not_end_a_program_that_saves():
  with _start('hashlib.pbkdf2_hmac("sha256", b"", b"", 3_000_000)') as process:
    time.sleep(0.2)  # Until it is in there.
    for _ in range(2):
      process.send_signal(signal.SIGHUP)
      time.sleep(0.1)
    assert process.wait(timeout=60) == 129
    assert process.stderr.read() == '\nStopped.\n'


def test_an_ignored_signal_remains_ignored():
  before = signal.signal(signal.SIGINT, signal.SIG_IGN)
  try:
    with stop_signals.handled(stop_signals.raise_if_received):
      signal.raise_signal(signal.SIGINT)
    assert not stop_signals.received()
  finally:
    signal.signal(signal.SIGINT, before)


def test_other_threads_leave_signals_alone():
  seen = []

  def work():
    with stop_signals.second_ends_program(), stop_signals.handled(lambda: None):
      seen.append(signal.getsignal(signal.SIGTERM))

  thread = threading.Thread(target=work)
  thread.start()
  thread.join()
  assert seen == [signal.getsignal(signal.SIGTERM)]
