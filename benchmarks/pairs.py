# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Two programs side by side, and what is to be known beside their times."""

import argparse
from collections.abc import Callable
import json
import os
import pathlib
import platform
import statistics
import subprocess
import time
from typing import Any


def main(
  benchmark: str,
  *,
  description: str,
  ours: Callable[[str, int, int], Callable[[], None]],
  peer: Callable[[str, int, int], Callable[[], None]],
) -> None:
  """Runs the sizes on the command line and reports them.

  Args:
    benchmark: its name.
    description: for the help.
    ours: returns what is measured, from model, images a batch and side.
    peer: the same of PyTorch's.
  """
  import torch

  parser = argparse.ArgumentParser(description=description)
  parser.add_argument('--model', default='R50x1')
  parser.add_argument(
    '--sizes',
    nargs='+',
    default=['128x16', '224x8', '480x2'],
    help='px x batch',
  )
  parser.add_argument('--pairs', type=int, default=7)
  parser.add_argument(
    '--threads',
    type=int,
    # As many as XLA takes.
    default=len(os.sched_getaffinity(0)),
    help='of PyTorch; where others use the machine too, one, lest they spin',
  )
  parser.add_argument('--json', help='write the results to this file')
  flags = parser.parse_args()
  torch.set_num_threads(flags.threads)
  results = []
  for size in flags.sizes:
    side, batch = map(int, size.split('x'))
    results.append(
      {
        'benchmark': benchmark,
        'model': flags.model,
        'side': side,
        'batch': batch,
        **facts(flags.threads),
        **compare(
          ours(flags.model, batch, side),
          peer(flags.model, batch, side),
          pairs=flags.pairs,
        ),
      }
    )
  report(results, flags.json)


def compare(
  ours: Callable[[], None], peer: Callable[[], None], *, pairs: int
) -> dict[str, float]:
  """Returns medians in seconds, and the median of the ratios of the pairs.

  The two take turns, so that what else the machine does hits both; a ratio
  above 1 says that ours is faster. CPU seconds are those of all threads: they
  say more than the clock on a machine that is not idle.
  """
  for function in (ours, peer):
    function()  # Compiles, and fills caches.
  times = [(_time(ours), _time(peer)) for _ in range(pairs)]
  (our_wall, our_cpu), (peer_wall, peer_cpu) = (
    zip(*turns, strict=True) for turns in zip(*times, strict=True)
  )
  return {
    'ours_seconds': statistics.median(our_wall),
    'peer_seconds': statistics.median(peer_wall),
    'peer_by_ours': _ratio(peer_wall, our_wall),
    'ours_cpu_seconds': statistics.median(our_cpu),
    'peer_cpu_seconds': statistics.median(peer_cpu),
    'peer_by_ours_cpu': _ratio(peer_cpu, our_cpu),
  }


def facts(threads: int) -> dict[str, Any]:
  """Returns commit, machine and load, and the number of PyTorch's threads."""
  import jax
  import torch

  root = pathlib.Path(__file__).parent
  commit = subprocess.run(
    ['git', 'describe', '--always', '--dirty'],
    cwd=root,
    capture_output=True,
    text=True,
    check=False,
  )
  return {
    'commit': commit.stdout.strip(),
    'machine': platform.processor() or platform.machine(),
    'torch_threads': threads,
    'load_average': os.getloadavg()[0],
    'jax': jax.__version__,
    'torch': torch.__version__,
    'xla_flags': os.environ.get('XLA_FLAGS', ''),
  }


def report(results: list[dict[str, Any]], path: str | None) -> None:
  """Prints one line a result and writes all to the file, if one is named."""
  for result in results:
    print(json.dumps(result))
  if path:
    pathlib.Path(path).write_text(json.dumps(results, indent=2) + '\n')


def _time(function: Callable[[], None]) -> tuple[float, float]:
  """Returns seconds of the clock and of the CPU."""
  wall, cpu = time.perf_counter(), time.process_time()
  function()
  return time.perf_counter() - wall, time.process_time() - cpu


def _ratio(peer: tuple[float, ...], ours: tuple[float, ...]) -> float:
  return statistics.median(x / y for x, y in zip(peer, ours, strict=True))
