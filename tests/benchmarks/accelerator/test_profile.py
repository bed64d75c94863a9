# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The longest kernels of traces whose times are known."""

from benchmarks.accelerator import profile


def _thread(tid, name):
  arguments = {'name': name}
  return {
    'ph': 'M',
    'pid': 1,
    'tid': tid,
    'name': 'thread_name',
    'args': arguments,
  }


def _event(tid, name, microseconds, **arguments):
  return {
    'ph': 'X',
    'pid': 1,
    'tid': tid,
    'name': name,
    'dur': microseconds,
    'args': arguments,
  }


def test_a_gpu_counts_its_streams_and_not_the_same_time_again():
  events = [
    _thread(1, 'Stream #14(Compute)'),
    _thread(2, 'XLA Ops'),
    _event(1, 'conv', 300.0),
    _event(1, 'norm', 100.0),
    _event(1, 'conv', 600.0),
    _event(2, 'fusion', 1000.0, hlo_op='fusion'),
    {},
  ]
  assert profile.dearest_kernels(events, steps=2) == [
    {'name': 'conv', 'share': 0.9, 'ms': 0.45},
    {'name': 'norm', 'share': 0.1, 'ms': 0.05},
  ]


def test_a_tpu_counts_its_operations_and_a_cpu_those_of_the_program():
  on_tpu = [_thread(2, 'XLA Ops'), _event(2, 'fusion', 5.0)]
  host = [_thread(3, 'python'), _event(3, 'wait', 9.0)]
  (kernel,) = profile.dearest_kernels(host + on_tpu, steps=1)
  assert kernel == {'name': 'fusion', 'share': 1.0, 'ms': 0.005}
  host.append(_event(3, 'dot', 2.0, hlo_op='dot'))
  (kernel,) = profile.dearest_kernels(host, steps=1)
  assert kernel['name'] == 'dot'


def test_only_the_ten_longest_are_named():
  events = [_thread(1, 'Stream #1')]
  events += [_event(1, f'kernel {i}', float(i)) for i in range(1, 16)]
  found = profile.dearest_kernels(events, steps=1)
  assert [x['name'] for x in found] == [f'kernel {i}' for i in range(15, 5, -1)]
  assert found[0]['share'] == 15 / 120
