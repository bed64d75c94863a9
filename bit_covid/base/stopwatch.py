# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Where the time goes."""

import collections
from collections.abc import Iterator
import contextlib
import time


class Stopwatch:
  """Adds up `seconds` by what they are spent on; what is within counts once."""

  def __init__(self):
    self.seconds = collections.Counter()
    self._running: list[str] = []
    self._since = 0.0

  @contextlib.contextmanager
  def of(self, name: str) -> Iterator[None]:
    """Counts the block under a name, without the blocks within it."""
    self._count()
    self._running.append(name)
    try:
      yield
    finally:
      self._count()
      self._running.pop()

  def _count(self) -> None:
    now = time.monotonic()
    if self._running:
      self.seconds[self._running[-1]] += now - self._since
    self._since = now
