# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tasks that processes of this machine do, without Dask."""

from collections.abc import Callable, Sequence
import functools
from typing import Any, TypeVar

from bit_covid.archive import attempt
from bit_covid.base import worker_processes

_Item = TypeVar('_Item')
_Result = TypeVar('_Result')

# What a process does, by the name of the task: the only way from `_begin` to
# the tasks that follow.
_tasks: dict[str, Callable[[], Any]] = {}


class Processes:
  """An `attempt.Runner` of one process at a time."""

  def run(
    self,
    work: Callable[[_Item], _Result],
    items: Sequence[_Item],
    on_done: Callable[[int, _Result | attempt.Failed], None],
  ) -> None:
    """Does all tasks, as `attempt.Runner` says."""
    died = _run(
      functools.partial(attempt.attempt, work),
      items,
      lambda name, x: on_done(int(name), x),
    )
    for name in died:
      on_done(int(name), attempt.Failed('KilledWorker'))

  def once(self, work: Callable[[_Item], _Result], item: _Item) -> _Result:
    """Returns what one task returns.

    Raises:
      StopError: it killed its process.
    """
    found: dict[str, _Result] = {}
    if _run(work, [item], found.__setitem__):
      raise attempt.StopError(
        'The process that loads the network was ended by the system, perhaps '
        'for want of memory. Ask for more memory.'
      )
    return found['0']


def _run(
  work: Callable[[Any], Any],
  items: Sequence[Any],
  on_done: Callable[[str, Any], None],
) -> list[str]:
  return worker_processes.run(
    _do,
    map(str, range(len(items))),
    jobs=1,
    start=_begin,
    arguments=(work, items),
    on_done=on_done,
  )


def _begin(work: Callable[[Any], Any], items: Sequence[Any]) -> None:
  _tasks.update(
    (str(i), functools.partial(work, item)) for i, item in enumerate(items)
  )


def _do(name: str) -> Any:
  return _tasks[name]()
