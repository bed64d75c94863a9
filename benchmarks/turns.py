# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Measures programs in turns on one machine and compares their speeds.

The speed of a shared or warm machine changes from minute to minute by more
than the differences to be measured. Programs that are compared therefore take
turns, and a ratio is the median of the ratios within single turns.

Every time is measured twice: by the clock, and as processor time summed over
all threads of the process. The second depends less on what else the machine
does.
"""

import argparse
from collections.abc import Callable, Mapping
import json
import operator
import os
import pathlib
import platform
import resource
import statistics
import subprocess
import sys
import time
from typing import Any, NamedTuple


class Turn(NamedTuple):
  """One measurement.

  Attributes:
    amount: what the work returned: a number of images, or None.
    clock: seconds by the clock.
    core: seconds of processor time, summed over all threads.
  """

  amount: Any
  clock: float
  core: float


def take_turns(
  contenders: Mapping[str, Callable[[], Any]], *, turns: int
) -> dict[str, list[Turn]]:
  """Returns the measurements of each contender.

  Args:
    contenders: functions that do a piece of work, by name.
    turns: how often each is measured, after a first turn that is not counted
      because it compiles and fills caches.
  """
  measured: dict[str, list[Turn]] = {name: [] for name in contenders}
  for turn in range(turns + 1):
    for name, work in contenders.items():
      clock, core = time.perf_counter(), time.process_time()
      amount = work()
      core = time.process_time() - core
      clock = time.perf_counter() - clock
      if turn:
        measured[name].append(Turn(amount, clock, core))
  return measured


def summarize_speeds(
  measured: Mapping[str, list[Turn]], *, reference: str
) -> dict[str, dict[str, float]]:
  """Returns median speeds by contender, and their ratios to the reference.

  `clock` and `clock_ratio` are of images per second, `core` and `core_ratio` of
  images per second of processor time, which is what one core does.

  Args:
    measured: what `take_turns` returned for work that returns a number of
      images.
    reference: name of the contender that the others are compared with.
  """
  speeds = {
    name: {
      'clock': [turn.amount / turn.clock for turn in turns],
      'core': [turn.amount / turn.core for turn in turns],
    }
    for name, turns in measured.items()
  }
  return {
    name: {unit: statistics.median(values) for unit, values in by_unit.items()}
    | {
      f'{unit}_ratio': median_ratio(values, speeds[reference][unit])
      for unit, values in by_unit.items()
    }
    for name, by_unit in speeds.items()
  }


def median_ratio(numerators: list[float], denominators: list[float]) -> float:
  """Returns the median of the ratios within turns."""
  return statistics.median(map(operator.truediv, numerators, denominators))


def facts() -> dict[str, Any]:
  """Returns the commit, the machine, its load and the Python version."""
  return {
    'commit': commit(),
    'processor': _processor(),
    'cores': os.cpu_count(),
    'load average': os.getloadavg()[0],
    'python': platform.python_version(),
  }


def commit() -> str:
  """Returns the short commit hash, marked `-dirty` if files were changed."""
  return subprocess.run(
    ['git', 'describe', '--always', '--dirty'],
    cwd=pathlib.Path(__file__).parent,
    capture_output=True,
    text=True,
    check=False,
  ).stdout.strip()


def _processor() -> str:
  cpus = pathlib.Path('/proc/cpuinfo')
  lines = cpus.read_text().splitlines() if cpus.exists() else []
  names = [x.split(':')[1].strip() for x in lines if x.startswith('model name')]
  return names[0] if names else platform.machine()


def peak_megabytes() -> float:
  """Returns the most memory that this process has had so far."""
  # Linux reports kilobytes.
  return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def megabytes_in(folder: str | os.PathLike[str]) -> float:
  """Returns the size of all files below a folder."""
  files = (path for path in pathlib.Path(folder).rglob('*') if path.is_file())
  return sum(path.stat().st_size for path in files) / 1e6


def add_json_flag(parser: argparse.ArgumentParser) -> None:
  """Adds `--json=FILE`, which means the same in every benchmark."""
  parser.add_argument(
    '--json', metavar='FILE', help='also write the results to this file'
  )


def write_json(results: Any, path: str | None) -> None:
  """Writes the results as JSON; does nothing if there is no path."""
  if path:
    pathlib.Path(path).write_text(json.dumps(results, indent=2) + '\n')


def report(result: Mapping[str, Any], path: str | None) -> None:
  """Prints one line for each entry of a result, and writes it as JSON."""
  for key, value in result.items():
    text = _format(value)
    if isinstance(value, Mapping):
      text = ', '.join(f'{k} {_format(v)}' for k, v in value.items())
    print(f'{key:26} {text}')
  write_json(result, path)


def run_alone(
  module: str, *, environment: Mapping[str, str] | None = None, **flags: Any
) -> Any:
  """Returns the JSON that a module prints last, run in a process of its own.

  Args:
    module: its name.
    environment: variables in addition to those of this process.
    **flags: of the module.
  """
  output = subprocess.run(
    [sys.executable, '-m', module, *(f'--{k}={v}' for k, v in flags.items())],
    check=True,
    capture_output=True,
    text=True,
    env={**os.environ, **(environment or {})},
  )
  return json.loads(output.stdout.splitlines()[-1])


def _format(value: Any) -> str:
  return f'{value:.4g}' if isinstance(value, float) else str(value)
