# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tasks that one process after the other does, without Dask."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from bit_covid.archive import attempt
from bit_covid.base import worker_processes

_Item = TypeVar('_Item')

# What this process does, if it is one of them, and to what: the only way from
# `_begin` to the tasks that follow.
_here: list[tuple[Callable[[Any], Any], Sequence[Any]]] = []


class Processes:
  """An `attempt.Runner` of one process at a time."""

  def run(
    self,
    work: Callable[[_Item], Any],
    items: Sequence[_Item],
    on_done: Callable[[int, Any], None],
  ) -> None:
    """Does all tasks, as `attempt.Runner` says."""
    died = worker_processes.run(
      _do,
      map(str, range(len(items))),
      jobs=1,
      start=_begin,
      arguments=(work, items),
      on_done=lambda name, result: on_done(int(name), result),
    )
    for name in died:
      on_done(int(name), attempt.Failed('KilledWorker'))


def _begin(work: Callable[[Any], Any], items: Sequence[Any]) -> None:
  _here.append((work, items))


def _do(name: str) -> Any:
  work, items = _here[0]
  return attempt.attempt(work, items[int(name)])
