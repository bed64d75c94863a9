# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The number of threads to use, and a parallel map that looks ahead."""

from collections.abc import Callable, Iterable, Iterator
from concurrent import futures
import itertools
import os
from typing import Any

# Number of results that `map_ahead` computes before they are needed.
_LOOK_AHEAD = 64


def num_threads() -> int:
  """Returns the number of cores that this process may use."""
  if hasattr(os, 'sched_getaffinity'):
    return len(os.sched_getaffinity(0))
  return os.cpu_count() or 1


def map_ahead(
  function: Callable[[Any], Any], items: Iterable[Any]
) -> Iterator[Any]:
  """Yields `function(item)` for each item in order, computed by threads ahead.

  At most 64 results are computed before they are needed, so memory does not
  grow with the number of items.
  """
  items = iter(items)
  with futures.ThreadPoolExecutor(num_threads()) as pool:
    pending = [
      pool.submit(function, item)
      for item in itertools.islice(items, _LOOK_AHEAD)
    ]
    try:
      while pending:
        yield pending.pop(0).result()
        pending += [
          pool.submit(function, item) for item in itertools.islice(items, 1)
        ]
    finally:
      pool.shutdown(cancel_futures=True)
