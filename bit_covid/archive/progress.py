# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""One line now and then: studies done, rate, time left, files refused."""

import time

from bit_covid.base import lines
from bit_covid.base import progress

# Seconds between two lines.
_PAUSE = 30.0


class Progress:
  """Counts studies."""

  def __init__(self, count: int):
    """Begins to count to the number of studies that are left."""
    self._count = count
    self._done = 0
    self._refused = 0
    self._start = self._said = time.monotonic()

  def add(self, refused: int) -> None:
    """Adds a study with so many refused files; prints a line if it is time."""
    self._done += 1
    self._refused += refused
    now = time.monotonic()
    if self._done < self._count and now < self._said + _PAUSE:
      return
    self._said = now
    rate = self._done / max(now - self._start, 1e-9)
    left = progress.format_seconds((self._count - self._done) / rate)
    lines.say(
      f'Studies: {self._done:,} of {self._count:,}, {60 * rate:.3g} a minute, '
      f'{left} left. Refused files: {self._refused:,}.'
    )
