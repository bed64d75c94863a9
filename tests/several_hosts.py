# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Starts the processes of a training on several hosts, for tests and trials."""

from collections.abc import Iterator, Mapping, Sequence
import contextlib
import functools
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pandas as pd

from bit_covid.analysis import predictions

ROOT = pathlib.Path(__file__).parents[1]
# A network that compiles in a second takes the place of the tiny one.
_PROGRAM = """
import sys, types
from bit_covid import main
from bit_covid.models import resnet_v2
size = resnet_v2.Size((1, 1), width=8, num_groups=4)
models = {**resnet_v2.MODELS, 'tiny': size}
resnet_v2.MODELS = types.MappingProxyType(models)
sys.exit(main.main())
"""
_FIELDS = {
  'data.name': 'phantom/tiny',
  'data.resize': 36,
  'data.crop': 32,
  'init': 'random',
  'batch': 8,
  'eval_batch': 8,
  'mixup_alpha': 0.1,
  'schedule': '(2,20,25,28,30)',
  'log_every': 1,
  'eval_every': 15,
  'checkpoint_every': 5,
  'final_splits': "('test',)",
  'report': False,
}


class Host:
  """A process of a training."""

  def __init__(
    self,
    workdir: pathlib.Path,
    fields: Mapping[str, object],
    flags: Sequence[str] = (),
    *,
    devices: int = 1,
  ):
    """Starts it; its output goes to a file beside the work directory."""
    named = {**_FIELDS, **fields}
    arguments = [f'--config.{name}={value}' for name, value in named.items()]
    command = ['--config=configs/demo.py', f'--workdir={workdir}']
    variables = {
      'JAX_PLATFORMS': 'cpu',
      'JAX_NUM_CPU_DEVICES': str(devices),
      'TF_CPP_MIN_LOG_LEVEL': '3',
    }
    workdir.parent.mkdir(parents=True, exist_ok=True)
    self._log = workdir.parent / f'{time.monotonic_ns()}.log'
    with self._log.open('w') as log:
      self.process = subprocess.Popen(
        [sys.executable, '-c', _PROGRAM, *command, *arguments, *flags],
        cwd=ROOT,
        env=os.environ | variables,
        stdout=log,
        stderr=subprocess.STDOUT,
      )

  @property
  def output(self) -> str:
    """What it has printed."""
    return self._log.read_text()

  @property
  def last_line(self) -> str:
    """The last line of it."""
    return self.output.rstrip().rpartition('\n')[2]

  def wait(self, seconds: float = 1200) -> int:
    """Returns its exit code."""
    return self.process.wait(seconds)


@contextlib.contextmanager
def started(
  count: int,
  workdir: pathlib.Path,
  fields: Mapping[str, object],
  *,
  own_flags: Mapping[int, Sequence[str]] | None = None,
  own_devices: Mapping[int, int] | None = None,
) -> Iterator[list[Host]]:
  """Starts the hosts of a run; at the end of the block none is left.

  The flags in `own_flags` and the number of devices in `own_devices` are for
  the host of that number alone.
  """
  port = free_port()
  hosts = []
  try:
    for i in range(count):
      flags = [
        f'--coordinator=127.0.0.1:{port}',
        f'--num_processes={count}',
        f'--process_id={i}',
        *(own_flags or {}).get(i, ()),
      ]
      devices = (own_devices or {}).get(i, 1)
      hosts.append(Host(workdir, fields, flags, devices=devices))
    yield hosts
  finally:
    for host in hosts:
      host.process.send_signal(signal.SIGKILL)
      host.wait()


def free_port() -> int:
  """Returns a port that no program uses."""
  with socket.socket() as free:
    free.bind(('127.0.0.1', 0))
    return free.getsockname()[1]


def wait_for_lines(log: pathlib.Path, count: int, host: Host) -> None:
  """Returns when a log has so many lines; the host has to be running."""
  deadline = time.monotonic() + 240
  while not log.exists() or log.read_bytes().count(b'\n') < count:
    assert host.process.poll() is None, host.output
    assert time.monotonic() < deadline, host.output
    time.sleep(0.02)


def differences(
  expected: pathlib.Path, found: pathlib.Path, *, bound: float = 0
) -> list[str]:
  """Returns what differs in two work directories, by more than a bound.

  The bound is relative or absolute, whichever allows more; 0: bit for bit.
  """
  different = []
  read_log = functools.partial(pd.read_json, lines=True, precise_float=True)
  for name, read in (
    ('metrics.jsonl', read_log),
    ('predictions/test.csv', predictions.read),
  ):
    first, second = read(expected / name), read(found / name)
    try:
      pd.testing.assert_frame_equal(first, second, rtol=bound, atol=bound)
    except AssertionError as error:
      different.append(f'{name}: {error}')
  for name in ('model.npz', 'predictions/test_features.npz'):
    with np.load(expected / name) as first, np.load(found / name) as second:
      different += [
        f'{name}: {key}'
        for key in first.keys() | second.keys()
        if not _are_close(first[key], second[key], bound)
      ]
  return different


def _are_close(first: np.ndarray, second: np.ndarray, bound: float) -> bool:
  if first.dtype.kind != 'f':
    return np.array_equal(first, second)
  return np.allclose(first, second, rtol=bound, atol=bound, equal_nan=True)
