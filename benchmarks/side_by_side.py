# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Speeds measured in turn, in one run on one machine, and their ratios.

A machine that is shared or warm changes its speed by more than what is to be
measured, from minute to minute. Those that are compared therefore take turns,
and a ratio is the median of those of single turns.
"""

from collections.abc import Callable, Mapping
import json
import os
import pathlib
import platform
import statistics
import subprocess
import time
from typing import Any

# Does a piece of work; returns how many images it was.
Work = Callable[[], int]


def take_turns(
  contenders: Mapping[str, Work], *, turns: int
) -> dict[str, dict[str, list[float]]]:
  """Returns images a second of each turn, of the clock and of one core.

  Args:
    contenders: by name; the first turn of each is not counted.
    turns: how often each is measured.
  """
  speeds = {name: {'clock': [], 'core': []} for name in contenders}
  for turn in range(turns + 1):
    for name, work in contenders.items():
      clock, core = time.perf_counter(), time.process_time()
      images = work()
      core = time.process_time() - core
      clock = time.perf_counter() - clock
      if turn:
        speeds[name]['clock'].append(images / clock)
        speeds[name]['core'].append(images / core)
  return speeds


def summary(
  speeds: Mapping[str, Mapping[str, list[float]]], *, reference: str
) -> dict[str, dict[str, float]]:
  """Returns medians by name, and the ratios to the reference.

  'core' is images a second of processor time, of all threads together: what
  one core does, whatever else runs on the machine.
  """
  return {
    name: {unit: statistics.median(values) for unit, values in by_unit.items()}
    | {
      f'{unit}_ratio': statistics.median(
        a / b for a, b in zip(values, speeds[reference][unit], strict=True)
      )
      for unit, values in by_unit.items()
    }
    for name, by_unit in speeds.items()
  }


def facts() -> dict[str, Any]:
  """Returns commit, machine and load of now, for a row of results."""
  commit = subprocess.run(
    ['git', 'describe', '--always', '--dirty'],
    cwd=pathlib.Path(__file__).parent,
    capture_output=True,
    text=True,
    check=False,
  ).stdout.strip()
  return {
    'commit': commit,
    'processor': _processor(),
    'cores': os.cpu_count(),
    'load average': os.getloadavg()[0],
    'python': platform.python_version(),
  }


def _processor() -> str:
  cpus = pathlib.Path('/proc/cpuinfo')
  lines = cpus.read_text().splitlines() if cpus.exists() else []
  names = [x.split(':')[1].strip() for x in lines if x.startswith('model name')]
  return names[0] if names else platform.machine()


def show(result: Mapping[str, Any], *, as_json: bool) -> None:
  """Prints a result, as JSON or as lines."""
  if as_json:
    print(json.dumps(result, indent=2))
    return
  for key, value in result.items():
    if isinstance(value, Mapping):
      numbers = ', '.join(f'{k} {_format(v)}' for k, v in value.items())
      print(f'{key:26} {numbers}')
    else:
      print(f'{key:26} {_format(value)}')


def _format(value: Any) -> str:
  return f'{value:.4g}' if isinstance(value, float) else str(value)
