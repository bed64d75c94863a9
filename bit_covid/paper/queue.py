# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Makes the runs that are not there yet, one after the other.

Several processes, also on several machines with a shared disk, may work on the
same folder: who makes a run holds a lock on the file with its name in claims/,
which the operating system lets go when the process ends, however it ends. A run
that was interrupted goes on from its last checkpoint.
"""

from collections.abc import Callable, Mapping, Sequence
import contextlib
import pathlib
import shutil
import time
from typing import NamedTuple

import filelock
import jax
import ml_collections
import numpy as np
import scipy.optimize

from bit_covid.base import progress
from bit_covid.paper import cost
from bit_covid.paper import grid
from bit_covid.training import run_directory

RUNS = 'runs'
_CLAIMS = 'claims'


class Task(NamedTuple):
  """A run with all that is needed to make it."""

  run: grid.Run
  config: ml_collections.ConfigDict
  cost: cost.Cost


class Outcome(NamedTuple):
  """What became of the tasks.

  Attributes:
    made: runs that were made here and now.
    diverged: those whose loss or parameters were not finite, and the message.
    elsewhere: those that another process is making.
  """

  made: list[grid.Run]
  diverged: dict[grid.Run, str]
  elsewhere: list[grid.Run]


def folder_of(run: grid.Run, workdir: pathlib.Path) -> pathlib.Path:
  """Returns the work directory of a run within that of the paper."""
  return workdir / RUNS / run.name


def shard(tasks: Sequence[Task], *, index: int, count: int) -> list[Task]:
  """Returns every `count`-th task, from `index`, which begins at 1."""
  if not 1 <= index <= count:
    raise ValueError(
      f'Shard {index} of {count}; expected 1 of {count} to {count} of {count}.'
    )
  return list(tasks[index - 1 :: count])


def left(tasks: Sequence[Task], workdir: pathlib.Path) -> list[Task]:
  """Returns the tasks whose runs are not finished.

  Raises:
    ValueError: a finished run had another config.
  """
  found = []
  for task in tasks:
    folder = folder_of(task.run, workdir)
    if run_directory.is_finished(folder):
      run_directory.check_same_config(task.config, folder)
    else:
      found.append(task)
  return found


def work(
  tasks: Sequence[Task],
  workdir: pathlib.Path,
  *,
  train: Callable[[ml_collections.ConfigDict, pathlib.Path], object],
  keep_checkpoints: bool = False,
) -> Outcome:
  """Makes the runs that are not finished and not made elsewhere.

  A run that diverges is put aside; any other error would meet the next run as
  well, and ends the work.

  Args:
    tasks: in the order in which they are made.
    workdir: of the paper.
    train: makes a run from its config and work directory.
    keep_checkpoints: leave the checkpoints of finished runs, each twice the
      size of the network; the network itself stays in any case.
  """
  outcome = Outcome([], {}, [])
  waiting = left(tasks, workdir)
  clock = Clock()
  (workdir / _CLAIMS).mkdir(parents=True, exist_ok=True)
  for number, task in enumerate(waiting):
    run, folder = task.run, folder_of(task.run, workdir)
    with _claim(run, workdir) as is_mine:
      if not is_mine:
        outcome.elsewhere.append(run)
        continue
      # Another process may have made it since the list was made.
      if run_directory.is_finished(folder):
        continue
      remaining = clock.remaining([x.cost for x in waiting[number:]])
      progress.say(
        f'{number + 1} of {len(waiting)}: {run.name}'
        + (f'; {progress.format_seconds(remaining)} left' if remaining else '')
      )
      start = time.monotonic()
      try:
        _make(task, folder, train)
      except FloatingPointError as error:
        outcome.diverged[run] = str(error)
        progress.say(f'  diverged: {error}')
        continue
      clock.add(task.cost, time.monotonic() - start)
      if not keep_checkpoints:
        shutil.rmtree(folder / 'checkpoints', ignore_errors=True)
      outcome.made.append(run)
  return outcome


class Clock:
  """Foretells how long runs take from those that were made.

  Seconds are taken for a constant, of compiling and reports, and a part in
  proportion to the operations, none of them negative.
  """

  def __init__(self):
    self._costs: list[cost.Cost] = []
    self._seconds: list[float] = []

  def add(self, made: cost.Cost, seconds: float) -> None:
    """Adds a run that took so long."""
    self._costs.append(made)
    self._seconds.append(seconds)

  def remaining(self, costs: Sequence[cost.Cost]) -> float | None:
    """Returns the seconds of the runs to come; None before the first."""
    if not self._costs:
      return None
    known = np.array([[1.0, x.operations] for x in self._costs])
    # Operations are some 1e15: of one order with the constant.
    scale = known.max(axis=0)
    rates, _ = scipy.optimize.nnls(known / scale, np.array(self._seconds))
    asked = cost.total(costs)
    return float(np.array([asked.runs, asked.operations]) / scale @ rates)


@contextlib.contextmanager
def _claim(run: grid.Run, workdir: pathlib.Path):
  """Yields whether the run is this process's to make, for the block."""
  lock = filelock.FileLock(workdir / _CLAIMS / f'{run.name}.lock')
  try:
    lock.acquire(blocking=False)
  except filelock.Timeout:
    yield False
    return
  try:
    yield True
  finally:
    lock.release()


def _make(
  task: Task,
  folder: pathlib.Path,
  train: Callable[[ml_collections.ConfigDict, pathlib.Path], object],
) -> None:
  """Makes a run; what it prints goes to log.txt in its work directory."""
  folder.mkdir(parents=True, exist_ok=True)
  with (
    (folder / 'log.txt').open('a', encoding='utf-8') as log,
    contextlib.redirect_stdout(log),
  ):
    train(task.config, folder)
  # The programs of a run, and the constants in them, would stay in memory.
  jax.clear_caches()


def tasks_of(
  runs: Sequence[grid.Run],
  make_config: Callable[[grid.Run], ml_collections.ConfigDict],
  sizes: Mapping[str, int],
) -> list[Task]:
  """Returns a task for each run."""
  tasks = []
  for run in runs:
    config = make_config(run)
    tasks.append(Task(run, config, cost.of(config, sizes)))
  return tasks
