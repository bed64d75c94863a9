# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tasks in processes of their own, of which one may die without the others."""

from collections.abc import Callable, Iterable
from concurrent import futures
from concurrent.futures import process
import multiprocessing
from multiprocessing import connection
import os
import signal
import threading
from typing import Any

# Why this process, if it is one of several, cannot do its tasks.
_start_errors: list[Exception] = []


def run(
  task: Callable[[str], Any],
  names: Iterable[str],
  *,
  jobs: int,
  start: Callable[..., None],
  arguments: tuple[Any, ...],
  on_done: Callable[[str, Any], None],
) -> list[str]:
  """Returns the names whose process died, after doing all others.

  If a process dies, nobody knows for which of the names that were in work. So
  the rest is done one at a time, and a name whose process dies then is given
  up. Everything that processes get or return must be picklable. After Ctrl+C,
  the names in work are still done.

  Args:
    task: called with a name in one of the processes.
    names: what to do.
    jobs: number of processes.
    start: called with the arguments in each process before its first task.
    arguments: of `start`.
    on_done: called here with a name and the result of its task.

  Raises:
    Exception: what a task, `start` or `on_done` raised.
  """
  left = list(dict.fromkeys(names))
  with _pool(jobs, start, arguments) as pool:
    submitted = {pool.submit(_do, task, name): name for name in left}
    try:
      for each in futures.as_completed(submitted):
        # Not kept, as its result may be large.
        name = submitted.pop(each)
        if not isinstance(each.exception(), process.BrokenProcessPool):
          on_done(name, each.result())
          left.remove(name)
    except BaseException:  # Also after Ctrl+C.
      pool.shutdown(cancel_futures=True)
      raise
  return _one_by_one(task, left, start, arguments, on_done)


def _one_by_one(
  task: Callable[[str], Any],
  names: list[str],
  start: Callable[..., None],
  arguments: tuple[Any, ...],
  on_done: Callable[[str, Any], None],
) -> list[str]:
  """Returns the names whose process died, after doing all others."""
  waiting, dead = list(names), []
  while waiting:
    with _pool(1, start, arguments) as pool:
      while waiting:
        name = waiting.pop(0)
        try:
          result = pool.submit(_do, task, name).result()
        except process.BrokenProcessPool:
          dead.append(name)
          break
        on_done(name, result)
  return dead


def _pool(
  jobs: int, start: Callable[..., None], arguments: tuple[Any, ...]
) -> futures.ProcessPoolExecutor:
  return futures.ProcessPoolExecutor(
    jobs,
    # A fork of a process with threads, as JAX has them, can hang.
    mp_context=multiprocessing.get_context('spawn'),
    initializer=_start,
    initargs=(start, *arguments),
  )


def _start(start: Callable[..., None], *arguments: Any) -> None:
  # Ctrl+C reaches all processes of a terminal; the first one decides.
  signal.signal(signal.SIGINT, signal.SIG_IGN)
  threading.Thread(target=_end_with_parent, daemon=True).start()
  try:
    start(*arguments)
  except Exception as error:  # As a death, it would be tried for every name.
    _start_errors.append(error)


def _do(task: Callable[[str], Any], name: str) -> Any:
  if _start_errors:
    raise _start_errors[0]
  return task(name)


def _end_with_parent() -> None:
  """Ends this process when its parent was killed and cannot do so."""
  parent = multiprocessing.parent_process()
  if parent is not None:
    connection.wait([parent.sentinel])
    os._exit(1)
