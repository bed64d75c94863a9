# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""An iterator whose next items are made while the last one is in use."""

import collections
from collections.abc import Iterator
from concurrent import futures
import contextlib
from typing import TypeVar

_Item = TypeVar('_Item')


@contextlib.contextmanager
def read_ahead(
  items: Iterator[_Item], *, most: int
) -> Iterator[Iterator[_Item]]:
  """Returns a context with the items in their order, made by another thread.

  At the end of the context the thread is done, so that what it reads can be
  removed.

  Args:
    items: an iterator or a generator; what it raises is raised at its place.
    most: the number of items that are made before they are asked for.

  Yields:
    An iterator of the items.
  """
  end = object()
  with futures.ThreadPoolExecutor(max_workers=1) as thread:
    waiting = collections.deque(
      thread.submit(next, items, end) for _ in range(most)
    )

    def in_order() -> Iterator[_Item]:
      while (item := waiting.popleft().result()) is not end:
        waiting.append(thread.submit(next, items, end))
        yield item

    try:
      yield in_order()
    finally:
      thread.shutdown(cancel_futures=True)
