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
import os
import pathlib
import platform
import statistics
import subprocess
import time
from typing import Any, NamedTuple

# Makes one step of a network from the model's name, the images in a batch and
# their side in pixels.
MakeStep = Callable[[str, int, int], Callable[[], None]]


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

  Args:
    measured: what `take_turns` returned for work that returns a number of
      images.
    reference: name of the contender that the others are compared with.

  Returns:
    For each contender `clock` (images per second), `core` (images per second
    of processor time, which is what one core does), `clock_ratio` and
    `core_ratio`.
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
      f'{unit}_ratio': _median_ratio(values, speeds[reference][unit])
      for unit, values in by_unit.items()
    }
    for name, by_unit in speeds.items()
  }


def compare_with_peer(
  benchmark: str, *, description: str, ours: MakeStep, peer: MakeStep
) -> None:
  """Runs the sizes given on the command line and prints one line for each.

  Args:
    benchmark: its name, which every result repeats.
    description: text for `--help`.
    ours: makes a step of this project.
    peer: makes the same step in PyTorch.
  """
  # PyTorch is an optional package (extra `peers`).
  import torch

  flags = _parse_flags(description)
  torch.set_num_threads(flags.threads)
  results = []
  for size in flags.sizes:
    side, batch = map(int, size.split('x'))
    steps = {
      'ours': ours(flags.model, batch, side),
      'peer': peer(flags.model, batch, side),
    }
    result = {
      'benchmark': benchmark,
      'model': flags.model,
      'side': side,
      'batch': batch,
      **_peer_facts(flags.threads),
      **_summarize_pair(take_turns(steps, turns=flags.pairs)),
    }
    print(json.dumps(result))
    results.append(result)
  write_json(results, flags.json)


def _parse_flags(description: str) -> argparse.Namespace:
  parser = argparse.ArgumentParser(description=description)
  parser.add_argument('--model', default='R50x1')
  parser.add_argument(
    '--sizes',
    nargs='+',
    default=['128x16', '224x8', '480x2'],
    help='side in pixels x images in a batch',
  )
  parser.add_argument('--pairs', type=int, default=7, help='turns of each')
  parser.add_argument(
    '--threads',
    type=int,
    # As many as XLA uses.
    default=len(os.sched_getaffinity(0)),
    help="PyTorch's; on a busy machine 1, as its threads spin while they wait",
  )
  add_json_flag(parser)
  return parser.parse_args()


def _summarize_pair(measured: Mapping[str, list[Turn]]) -> dict[str, float]:
  """Returns median seconds and ratios; above 1 means that ours is faster."""
  ours, peer = measured['ours'], measured['peer']
  our_clock, peer_clock = ([x.clock for x in turns] for turns in (ours, peer))
  our_core, peer_core = ([x.core for x in turns] for turns in (ours, peer))
  return {
    'ours_seconds': statistics.median(our_clock),
    'peer_seconds': statistics.median(peer_clock),
    'peer_by_ours': _median_ratio(peer_clock, our_clock),
    'ours_cpu_seconds': statistics.median(our_core),
    'peer_cpu_seconds': statistics.median(peer_core),
    'peer_by_ours_cpu': _median_ratio(peer_core, our_core),
  }


def _median_ratio(numerators: list[float], denominators: list[float]) -> float:
  return statistics.median(
    x / y for x, y in zip(numerators, denominators, strict=True)
  )


def facts() -> dict[str, Any]:
  """Returns the commit, the machine, its load and the Python version."""
  return {
    'commit': _commit(),
    'processor': _processor(),
    'cores': os.cpu_count(),
    'load average': os.getloadavg()[0],
    'python': platform.python_version(),
  }


def _peer_facts(threads: int) -> dict[str, Any]:
  """Returns what has to be known to compare a result with PyTorch's."""
  # Both are slow to import; PyTorch is an optional package (extra `peers`).
  import jax
  import torch

  return {
    'commit': _commit(),
    'machine': platform.processor() or platform.machine(),
    'torch_threads': threads,
    'load_average': os.getloadavg()[0],
    'jax': jax.__version__,
    'torch': torch.__version__,
    'xla_flags': os.environ.get('XLA_FLAGS', ''),
  }


def _commit() -> str:
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


def add_json_flag(parser: argparse.ArgumentParser) -> None:
  """Adds `--json=FILE`, which means the same in every benchmark."""
  parser.add_argument(
    '--json', metavar='FILE', help='also write the results to this file'
  )


def write_json(results: Any, path: str | None) -> None:
  """Writes the results as JSON; does nothing if there is no path."""
  if path:
    pathlib.Path(path).write_text(json.dumps(results, indent=2) + '\n')


def show(result: Mapping[str, Any]) -> None:
  """Prints one line for each entry of a result."""
  for key, value in result.items():
    if isinstance(value, Mapping):
      numbers = ', '.join(f'{k} {_format(v)}' for k, v in value.items())
      print(f'{key:26} {numbers}')
    else:
      print(f'{key:26} {_format(value)}')


def _format(value: Any) -> str:
  return f'{value:.4g}' if isinstance(value, float) else str(value)
