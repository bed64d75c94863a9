# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A task that may fail without taking the others with it."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

_Item = TypeVar('_Item')
_Result = TypeVar('_Result')


class StopError(Exception):
  """What would make all tasks fail, in the user's words; names no patient."""


class Failed(NamedTuple):
  """A task without a result.

  Attributes:
    error: the name of the exception; its text could name a file.
    stop: why no other task can succeed either; '': others can.
  """

  error: str
  stop: str = ''


class Runner(Protocol):
  """Processes that do tasks, with Dask or without."""

  def run(
    self,
    work: Callable[[_Item], _Result],
    items: Sequence[_Item],
    on_done: Callable[[int, _Result], None],
  ) -> None:
    """Calls `on_done` with the index of each item and what `work` returns.

    A task that raised an error is `Failed`, and so is one that killed its
    process twice.
    """


def attempt(work: Callable[[_Item], _Result], item: _Item) -> _Result | Failed:
  """Returns what the task returns, or that it failed."""
  try:
    return work(item)
  except StopError as error:
    return Failed(type(error).__name__, str(error))
  # Whatever a damaged file brings about in the libraries that read it.
  except Exception as error:
    return Failed(type(error).__name__)


def all_of(
  runner: Runner, work: Callable[[_Item], _Result], items: Sequence[_Item]
) -> list[_Result | Failed]:
  """Returns the results of all items, in their order.

  Raises:
    StopError: one says that no other can succeed either.
  """
  found: dict[int, Any] = {}
  runner.run(work, items, found.__setitem__)
  for result in found.values():
    if isinstance(result, Failed) and result.stop:
      raise StopError(result.stop)
  return [found[i] for i in range(len(items))]
