# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A day's work: long training, many predictions in a process, many uploads.

While they go on, the memory, the open files, the threads and the temporary
files of the process are counted. In the second half, when all is compiled and
cached, none of them may grow.
"""

from collections.abc import Callable, Sequence
import functools
import os
import pathlib
import re
import signal
import time
from typing import NamedTuple

import numpy as np

from tests.trials import frame
from tests.trials.frame import attempt
from tests.trials.frame import commands
from tests.trials.frame import page_client
from tests.trials.frame import workplace

_WARM_UP = 1 / 2
# Of samples, to which a line is fitted.
_BLOCKS = 8
_SECONDS_BETWEEN = 0.25


class Sample(NamedTuple):
  """What a process takes, after `done` steps, predictions or uploads."""

  done: int
  memory: float
  files: int
  threads: int
  temporary: int


# What may grow by how much per 100 steps, predictions or uploads, and its name.
# One file or thread that is left open by each evaluation would exceed it.
_BOUNDS = {
  'memory': (1.0, 'MB'),
  'files': (0.5, 'open files'),
  'threads': (0.5, 'threads'),
  'temporary': (0.5, 'temporary files'),
}


def run(
  *, amount: int = 3000, seed: int, scratch: pathlib.Path
) -> list[frame.Row]:
  """Returns a row for each kind of work.

  `amount` is the number of steps; there are a third as many predictions and a
  tenth as many uploads. Nothing here is random.
  """
  del seed
  work = workplace.Workplace(scratch)
  work.reset(None)
  train = functools.partial(commands.train_long, steps=amount)
  predict = functools.partial(commands.predict_often, count=amount // 3)
  training = _watch('training steps', train, work, _last_step)
  work.run(commands.write_scans)
  predictions = _watch('predictions', predict, work, _last_count)
  return [training, predictions, _upload(amount // 10, work)]


def slopes(kind: str, samples: Sequence[Sample]) -> frame.Row:
  """Returns a row that says what grew after the warm-up, per 100.

  The line is fitted to the smallest values of some blocks of samples, as what
  is used for a moment only says nothing.
  """
  row = frame.Row(place=kind, tries=max(x.done for x in samples))
  # Not the last ones, when the process ends.
  warm = [x for x in samples if row.tries * _WARM_UP < x.done < row.tries]
  if len({x.done for x in warm}) < _BLOCKS:
    row.differences.append(f'samples of fewer than {_BLOCKS} moments')
    return row
  blocks = np.array_split(np.arange(len(warm)), _BLOCKS)
  texts = []
  for name, (bound, unit) in _BOUNDS.items():
    points = [(getattr(x, name), x.done) for x in warm]
    least, done = zip(*(min(points[i] for i in x) for x in blocks), strict=True)
    slope = 100 * np.polyfit(done, least, 1)[0]
    texts.append(f'{slope:+.2f} {unit}, from {least[0]:.0f}')
    if slope > bound:
      row.differences.append(f'{texts[-1]}: more than {bound} per 100')
  row.measured = f'per 100: {"; ".join(texts)}'
  return row


def _watch(
  kind: str,
  function: workplace.CommandFn,
  work: workplace.Workplace,
  progress: Callable[[attempt.Command, pathlib.Path], int],
) -> frame.Row:
  """Returns the row of a command, which is watched until it ends."""
  command = work.start(function)
  samples = []
  while command.is_alive():
    time.sleep(_SECONDS_BETWEEN)
    done = progress(command, work.area)
    if done and (sample := _sample(command.pid, done, work.area)):
      samples.append(sample)
  ended = command.wait()
  if ended.exit_code:
    raise RuntimeError(f'{kind}: {ended.log}')
  return slopes(kind, samples)


def _upload(count: int, work: workplace.Workplace) -> frame.Row:
  """Returns the row of a page that scores `count` uploads."""
  command = work.start(commands.page)
  client = page_client.PageClient(command)
  scans = sorted((work.area / 'scans').iterdir())
  samples = []
  for i in range(count):
    client.score(scans[i % len(scans)])
    samples.append(_sample(command.pid, i + 1, work.area))
  command.signal(signal.SIGINT)
  ended = command.wait()
  row = slopes('uploads to the page', samples)
  if ended.exit_code != 130:
    row.differences.append(f'exit code {ended.exit_code}: {ended.log}')
  row.strays += [x.name for x in (work.area / 'tmp').iterdir()]
  return row


def _sample(pid: int, done: int, folder: pathlib.Path) -> Sample | None:
  """Returns what a process takes; None if it has just ended."""
  process = pathlib.Path('/proc', str(pid))
  try:
    status = (process / 'status').read_text()
    memory = int(re.search(r'VmRSS:\s*(\d+) kB', status)[1]) / 1024
    files = len(os.listdir(process / 'fd'))
    threads = len(os.listdir(process / 'task'))
  except (OSError, TypeError):
    return None
  temporary = sum(len(x[1]) + len(x[2]) for x in os.walk(folder / 'tmp'))
  return Sample(done, memory, files, threads, temporary)


def _last_step(command: attempt.Command, folder: pathlib.Path) -> int:
  del command
  path = folder / 'run' / 'metrics.jsonl'
  steps = re.findall(
    r'"step": (\d+)', path.read_text() if path.exists() else ''
  )
  return int(steps[-1]) if steps else 0


def _last_count(command: attempt.Command, folder: pathlib.Path) -> int:
  del folder
  counts = re.findall(r'(\d+) predictions', command.log())
  return int(counts[-1]) if counts else 0
