# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Processes that stand for hosts, without JAX: if one ends, all end."""

import contextlib
import pathlib
import socket
import subprocess
import sys
import time

import pytest

from bit_covid.base import host_watch

ROOT = pathlib.Path(__file__).parents[3]
_PROGRAM = """
import os, socket, sys, time
from bit_covid.base import host_start
from bit_covid.base import host_watch
address, count, index, seconds, work = sys.argv[1:]
host_watch._SECONDS_OF_GRACE = 0.5
watch = host_start.start(
  host_watch.Place(address, int(count), int(index)),
  start_seconds=float(seconds))
try:
  print(watch.wait_for_all(), flush=True)
  if work == 'works':
    watch.finish()
  elif work == 'is stuck':
    time.sleep(60)
  elif work == 'is killed':
    time.sleep(0.3)
    os.kill(os.getpid(), 9)
  elif work == 'is JAX and is killed':
    time.sleep(0.3)
    server = socket.create_server(('127.0.0.1', watch._jax_port))
    connection, _ = server.accept()
    connection.sendall(connection.recv(100))
    time.sleep(0.3)
    os.kill(os.getpid(), 9)
  elif work == 'has an error':
    watch.leave('no image.', exit_code=7, patience=0)
    os._exit(7)
  elif work == 'hears it from JAX first':
    print('Cause:', watch.leave('Gloo', exit_code=1, patience=30))
    sys.exit(4)
except host_watch.HostsError as error:
  print('Error:', error, file=sys.stderr)
  os._exit(error.exit_code)
"""


@pytest.fixture
def address():
  with socket.socket() as free:
    free.bind(('127.0.0.1', 0))
    return f'127.0.0.1:{free.getsockname()[1]}'


@contextlib.contextmanager
def _start(address, works, *, count=None, seconds=30):
  """Starts a process for each item of `works`; None: it is never started."""
  count = count or len(works)
  hosts = [
    subprocess.Popen(
      [
        *(sys.executable, '-c', _PROGRAM, address, str(count), str(i)),
        *(str(seconds), work),
      ],
      cwd=ROOT,
      stdout=subprocess.PIPE,
      stderr=subprocess.PIPE,
      text=True,
    )
    for i, work in enumerate(works)
    if work
  ]
  try:
    yield hosts
  finally:
    for host in hosts:
      host.kill()
      host.communicate()


def _ends(hosts):
  """Returns exit code and last line of errors of each host."""
  ends = []
  for host in hosts:
    _, errors = host.communicate(timeout=60)
    assert errors.count('\n') <= 1, errors
    ends.append((host.returncode, errors.strip()))
  return ends


def _name(index):
  return f'Host {index} ({socket.gethostname()})'


def test_hosts_start_and_end_together(address):
  with _start(address, ['works', 'works', 'works']) as hosts:
    assert _ends(hosts) == [(0, '')] * 3


@pytest.mark.parametrize('lost', [0, 1])
def test_a_killed_host_ends_all_with_a_line_that_names_it(address, lost):
  works = ['is stuck', 'is stuck', 'works']
  works[lost] = 'is killed'
  line = (
    f'Error: {_name(lost)} is gone: it was killed or lost its network. Give '
    'the same command on all hosts again: the run goes on from its last '
    'checkpoint.'
  )
  start = time.monotonic()
  with _start(address, works) as hosts:
    ends = _ends(hosts)
  assert ends.pop(lost) == (-9, '')
  assert ends == [(1, line)] * 2
  assert time.monotonic() - start < 30


@pytest.mark.parametrize('lost', [0, 1])
def test_the_error_of_a_host_is_told_on_all(address, lost):
  works = ['is stuck', 'is stuck', 'works']
  works[lost] = 'has an error'
  with _start(address, works) as hosts:
    ends = _ends(hosts)
  assert ends.pop(lost) == (7, '')
  for code, line in ends:
    assert code == 7
    assert line.startswith(f'Error: {_name(lost)} has stopped: no image. Give')


def test_a_host_that_hears_it_from_jax_first_learns_the_cause(address):
  with _start(address, ['hears it from JAX first', 'is killed']) as hosts:
    output, errors = hosts[0].communicate(timeout=60)
  assert hosts[0].returncode == 4
  assert f'Cause: {_name(1)} is gone' in output
  assert not errors


def test_a_host_that_was_never_started_is_named(address):
  with _start(address, ['works', None, 'works'], seconds=3) as hosts:
    ends = _ends(hosts)
  line = (
    f'Error: Not started within 3 s: host 1. There are: {_name(0)}, {_name(2)}.'
    ' Give the command on all hosts within that time.'
  )
  assert ends == [(1, line)] * 2


def test_if_the_first_was_never_started_the_others_say_so(address):
  with _start(address, [None, 'works'], seconds=1) as hosts:
    ((code, line),) = _ends(hosts)
  assert code == 1
  assert line.startswith(f'Error: Host 0 at {address} has not let host 1 in')


def test_an_address_that_cannot_be_does_not_hang():
  with _start('127.0.0.1:99999', [None, 'works'], seconds=1) as hosts:
    ((code, line),) = _ends(hosts)
  assert code == 1
  assert line.startswith('Error: --coordinator=127.0.0.1:99999 cannot be used')


def test_other_numbers_of_hosts_are_refused(address):
  with (
    _start(address, ['works'], count=2) as first,
    _start(address, [None, 'works'], count=3) as other,
  ):
    ends = _ends(first + other)
  for code, line in ends:
    assert code == 1
    assert f'--num_processes is 2 on {_name(0)} and 3 on {_name(1)}' in line


def test_other_programs_and_second_starts_do_no_harm(address):
  name, port = address.split(':')
  works = ['works', 'is stuck']
  with _start(address, works) as hosts:
    assert hosts[0].stdout.readline()
    for text in (
      b'GET / HTTP/1.1\r\n\r\n',
      b'host 1 of 2 \n',
      b'\xff' * 99_999,
    ):
      with socket.create_connection((name, int(port))) as stranger:
        stranger.sendall(text)
    with _start(address, [None, 'works'], seconds=1) as again:
      ((code, line),) = _ends(again)
    assert (code, line.partition(' has not let')[0]) == (
      1,
      f'Error: Host 0 at {address}',
    )
    assert [host.poll() for host in hosts] == [None, None]


def test_a_relay_stays_open_when_the_first_host_is_gone(address):
  with _start(address, ['is JAX and is killed', 'is stuck']) as hosts:
    name, port = hosts[1].stdout.readline().strip().split(':')
    with socket.create_connection((name, int(port)), timeout=30) as connection:
      connection.sendall(b'hello')
      assert connection.recv(100) == b'hello'
      assert hosts[0].wait(30) == -9
      # Closed when the other process ends, not before it has said its line.
      start = time.monotonic()
      with contextlib.suppress(ConnectionResetError):
        assert connection.recv(100) == b''
    assert time.monotonic() - start > 0.3
    _, errors = hosts[1].communicate(timeout=60)
    assert errors.startswith(f'Error: {_name(0)} is gone')


def test_a_machine_that_is_switched_off_is_noticed_within_a_minute():
  idle, between, count = host_watch._KEEPALIVE.values()
  assert idle + between * count + 2 * host_watch._SECONDS_OF_GRACE <= 60


def test_the_kernel_probes_the_connection_on_both_sides(address):
  with _start(address, ['is stuck'] * 2) as hosts:
    for host in hosts:
      assert host.stdout.readline()
    port = f':{int(address.split(":")[1]):04X}'
    lines = pathlib.Path('/proc/net/tcp').read_text().splitlines()[1:]
    # Of each connection: addresses, state (01: open), kind and time of a timer
    # in hundredths of a second (02: keepalive).
    columns = [line.split() for line in lines]
    timers = [x[5] for x in columns if port in x[1] + x[2] and x[3] == '01']
  assert len(timers) == 2
  for timer in timers:
    kind, time_left = timer.split(':')
    assert kind == '02'
    assert int(time_left, 16) <= 1500
