# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Measures how soon each verb shows its help, and says that a path is wrong.

    python -m benchmarks.commands --before=OTHER_CLONE

Each command is a process of its own. With `--before`, the commands of another
clone take turns with those of this one.
"""

import argparse
from collections.abc import Sequence
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple

from benchmarks import turns

_HERE = pathlib.Path(__file__).parents[1]
# Arguments with a path at which there is nothing.
_WRONG = {
  'train': ('--config=none.py', '--workdir=run'),
  'evaluate': ('none.npz', '--output=new'),
  'predict': ('none', '--checkpoint=none.npz', '--output=new'),
  'report': ('none',),
  'compare': ('none', 'none.csv'),
  'audit': ('none.csv',),
  'card': ('none',),
  'verify': ('none.npz',),
  'export': ('none.npz', '--format=npz', '--output=new'),
  'app': ('--checkpoint=none.npz', '--no_browser', '--port=0'),
  'paper': ('table3', '--workdir=new', '--data=none'),
  'split': ('none.csv',),
  'from-dicom': ('none', '--labels=none', '--output=new', '--key=key'),
}


class Run(NamedTuple):
  """Seconds by the clock and of processor time, and what was said.

  `noise` counts the lines on standard error that do not begin with 'Error:'.
  """

  clock: float
  core: float
  noise: int


def main() -> None:
  """Prints a table: a row for each verb and each of the two cases."""
  parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
  parser.add_argument('--turns', type=int, default=3)
  parser.add_argument('--before', type=pathlib.Path, help='another clone')
  parser.add_argument('--verbs', nargs='*', default=[*_WRONG])
  turns.add_json_flag(parser)
  arguments = parser.parse_args()
  roots = {'after': _HERE}
  if arguments.before:
    roots = {'before': arguments.before.resolve(), **roots}
  columns = ' | '.join(f'{x}: s, CPU s, noise' for x in roots)
  print(f'| verb | case | {columns} |')
  results = {}
  for verb in arguments.verbs:
    for case, options in {'help': ('--help',), 'path': _WRONG[verb]}.items():
      found = _measure(roots, (verb, *options), count=arguments.turns)
      results[f'{verb} {case}'] = found
      cells = [
        f'{x.clock:.2f}, {x.core:.2f}, {x.noise}' for x in found.values()
      ]
      print(f'| `{verb}` | {case} | {" | ".join(cells)} |', flush=True)
  turns.write_json(
    {k: {x: y._asdict() for x, y in v.items()} for k, v in results.items()},
    arguments.json,
  )


def _measure(
  roots: dict[str, pathlib.Path], command: Sequence[str], *, count: int
) -> dict[str, Run]:
  """Returns medians, after a first turn that fills caches of the disk."""
  runs = {name: [] for name in roots}
  for _ in range(count + 1):
    for name, root in roots.items():
      runs[name].append(_run(root, command))
  return {
    name: Run(*map(statistics.median, zip(*found[1:], strict=True)))
    for name, found in runs.items()
  }


def _run(root: pathlib.Path, command: Sequence[str]) -> Run:
  with tempfile.TemporaryDirectory() as folder:
    start, before = time.perf_counter(), os.times()
    result = subprocess.run(
      [sys.executable, '-m', 'bit_covid', *command],
      cwd=folder,
      env=os.environ | {'PYTHONPATH': str(root)},
      capture_output=True,
      text=True,
      check=False,
    )
    clock, after = time.perf_counter() - start, os.times()
  core = sum(after[2:4]) - sum(before[2:4])
  lines = result.stderr.splitlines()
  return Run(clock, core, sum(not x.startswith('Error: ') for x in lines))


if __name__ == '__main__':
  main()
