# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Trainings on two hosts, which are two processes on this machine.

`tests/trials/hosts.py` has more of them, and four hosts.
"""

import signal
import socket
import time

import pytest

from tests import several_hosts

# On a busy machine, the processes wait for each other.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture
def fields(tfds_dir):
  return {'data.data_dir': tfds_dir}


def test_stopped_and_killed_hosts_go_on_to_the_end_of_one_host(
  tmp_path, fields
):
  one, two = tmp_path / 'one', tmp_path / 'two'
  # The sums over two devices are the same in one process as in two.
  assert several_hosts.Host(one, fields, devices=2).wait() == 0
  log = two / 'metrics.jsonl'

  with several_hosts.started(2, two, fields) as hosts:
    several_hosts.wait_for_lines(log, 2, hosts[0])
    hosts[1].process.send_signal(signal.SIGTERM)
    assert [host.wait() for host in hosts] == [143, 143]
  line = hosts[0].last_line
  assert line.startswith('Stopped by SIGTERM after step ')
  assert hosts[1].last_line == line
  step = int(line.split()[5])
  assert step < 30
  assert (two / 'checkpoints' / str(step)).exists()

  with several_hosts.started(2, two, fields) as hosts:
    several_hosts.wait_for_lines(log, step + 3, hosts[0])
    hosts[0].process.kill()
    start = time.monotonic()
    assert hosts[1].wait() == 1
    assert time.monotonic() - start < 60
  assert hosts[1].last_line == (
    f'Error: Host 0 ({socket.gethostname()}) is gone: it was killed or lost '
    'its network. Give the same command on all hosts again: the run goes on '
    'from its last checkpoint.'
  )
  assert 'Traceback' not in hosts[1].output

  with several_hosts.started(2, two, fields) as hosts:
    assert [host.wait() for host in hosts] == [0, 0]
  # Said by the first host alone.
  assert 'test: accuracy' in hosts[0].output
  assert 'test: accuracy' not in hosts[1].output
  assert several_hosts.differences(one, two) == []


@pytest.mark.parametrize(
  ('flag', 'message'),
  [
    ('--config.seed=1', 'seed is 0 on host 0 ({0}), 1 on host 1 ({0})'),
    ('devices', 'numbers of devices: 1 on host 0, 2 on host 1'),
  ],
)
def test_hosts_that_differ_are_refused_before_the_first_step(
  tmp_path, fields, flag, message
):
  workdir = tmp_path / 'run'
  is_other_device = flag == 'devices'
  with several_hosts.started(
    2,
    workdir,
    fields,
    own_flags={} if is_other_device else {1: [flag]},
    own_devices={1: 2} if is_other_device else {},
  ) as hosts:
    # 1: it heard of the other's error before it found its own.
    assert all(host.wait() in (1, 2) for host in hosts)
  for host in hosts:
    assert message.format(socket.gethostname()) in host.last_line
    assert 'Traceback' not in host.output
  assert not (workdir / 'config.json').exists()


def test_a_host_that_waits_alone_says_which_is_missing(tmp_path, fields):
  workdir = tmp_path / 'run'
  port = several_hosts.free_port()
  host = several_hosts.Host(
    workdir,
    fields,
    [
      *(f'--coordinator=127.0.0.1:{port}', '--num_processes=2'),
      *('--process_id=0', '--start_seconds=1'),
    ],
  )
  assert host.wait() == 1
  assert 'Not started within 1 s: host 1.' in host.last_line
  assert 'Traceback' not in host.output
  assert not workdir.exists()
