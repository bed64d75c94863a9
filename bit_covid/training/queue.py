# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Makes those of several runs that are not finished, one after the other.

Several processes, also on machines with a shared disk, may work on one folder.
"""

from collections.abc import Callable, Iterator, Sequence
import contextlib
import os
import pathlib
import shutil
import time
from typing import NamedTuple, Protocol

import filelock
import jax
import ml_collections
import numpy as np
import scipy.optimize

from bit_covid.base import progress
from bit_covid.training import cost
from bit_covid.training import run_directory
from bit_covid.training import same_run

TrainFn = Callable[[ml_collections.ConfigDict, pathlib.Path], object]
# Costs and seconds of runs that were made.
_Times = Sequence[tuple[cost.Cost, float]]


class Run(Protocol):
  """What tells a run from the others: a value that can be a key."""

  @property
  def name(self) -> str:
    """The name of its folder, which is unique."""

  def folder(self, workdir: str | os.PathLike[str]) -> pathlib.Path:
    """Returns its work directory within that of all runs."""


class Task(NamedTuple):
  """A run with its config and cost."""

  run: Run
  config: ml_collections.ConfigDict
  cost: cost.Cost


class Outcome(NamedTuple):
  """Runs that were made, diverged (with the message), or are made elsewhere."""

  made: list[Run]
  diverged: dict[Run, str]
  elsewhere: list[Run]


def shard(tasks: Sequence[Task], *, index: int, count: int) -> list[Task]:
  """Returns every `count`-th task, from `index`, which begins at 1.

  Raises:
    ValueError: there is no such part.
  """
  if not 1 <= index <= count:
    raise ValueError(
      f'Shard {index} of {count}; expected 1 of {count} to {count} of {count}.'
    )
  return list(tasks[index - 1 :: count])


def left(tasks: Sequence[Task], workdir: pathlib.Path) -> list[Task]:
  """Returns the tasks whose runs are not finished.

  An error says that a finished run had another config.
  """
  found = []
  for task in tasks:
    folder = task.run.folder(workdir)
    if run_directory.is_finished(folder):
      same_run.check_same_config(task.config, folder)
    else:
      found.append(task)
  return found


def work(
  tasks: Sequence[Task],
  workdir: pathlib.Path,
  *,
  train: TrainFn,
  keep_checkpoints: bool = False,
) -> Outcome:
  """Returns the outcome of making all runs that are left.

  `train` makes one from its config and work directory. A run that diverges is
  put aside; any other error is raised. The network of a finished run is kept,
  its checkpoints only on request.
  """
  outcome, times = Outcome([], {}, []), []
  waiting = left(tasks, workdir)
  for number, task in enumerate(waiting):
    folder = task.run.folder(workdir)
    with _claim(task.run, workdir) as is_mine:
      if not is_mine:
        outcome.elsewhere.append(task.run)
      # Another process may have made it since the list was made.
      if not is_mine or run_directory.is_finished(folder):
        continue
      _announce(number, waiting, times)
      start = time.monotonic()
      try:
        _make(task, folder, train)
      except FloatingPointError as error:
        outcome.diverged[task.run] = str(error)
        progress.say(f'  diverged: {error}')
        continue
      times.append((task.cost, time.monotonic() - start))
      if not keep_checkpoints:
        shutil.rmtree(folder / 'checkpoints', ignore_errors=True)
      outcome.made.append(task.run)
  return outcome


def predict_seconds(costs: Sequence[cost.Cost], made: _Times) -> float | None:
  """Returns how long runs will take; None before the first run.

  The time of a run is modelled as a constant, for compiling and the report,
  plus a part proportional to the operations. Neither is negative.
  """
  if not made:
    return None
  known = np.array([[1.0, x.operations] for x, _ in made])
  # Operations are about 1e15: scaled to the order of the constant.
  scale = known.max(axis=0)
  rates, _ = scipy.optimize.nnls(known / scale, [x for _, x in made])
  asked = cost.total(costs)
  return float(np.array([asked.runs, asked.operations]) / scale @ rates)


@contextlib.contextmanager
def _claim(run: Run, workdir: pathlib.Path) -> Iterator[bool]:
  """Yields whether this process may make the run; holds its lock meanwhile.

  The operating system releases the lock however the process ends.
  """
  folder = workdir / 'claims'
  folder.mkdir(parents=True, exist_ok=True)
  lock = filelock.FileLock(folder / f'{run.name}.lock', blocking=False)
  with contextlib.suppress(filelock.Timeout):
    lock.acquire()
  try:
    yield lock.is_locked
  finally:
    lock.release()


def _announce(number: int, waiting: Sequence[Task], times: _Times) -> None:
  seconds = predict_seconds([x.cost for x in waiting[number:]], times)
  time_left = f'; {progress.format_seconds(seconds)} left' if seconds else ''
  name = waiting[number].run.name
  progress.say(f'{number + 1} of {len(waiting)}: {name}{time_left}')


def _make(task: Task, folder: pathlib.Path, train: TrainFn) -> None:
  """Makes a run, whose lines go to log.txt."""
  folder.mkdir(parents=True, exist_ok=True)
  with (
    (folder / 'log.txt').open('a', encoding='utf-8') as log,
    contextlib.redirect_stdout(log),
  ):
    train(task.config, folder)
  # Otherwise the compiled programs and their constants would stay in memory.
  jax.clear_caches()
