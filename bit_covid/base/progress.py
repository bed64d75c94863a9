# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Lines for a terminal, a log or a notebook: how fast, how long still."""

from collections.abc import Iterator
import contextlib
import os
import threading
import time

import jax

from bit_covid.base import lines

# Seconds after which a user is told what is waited for.
_SLOW_SECONDS = 60


class Progress:
  """Measures the speed between reports and prints a line for each.

  It prints, because a notebook may not show what is logged.
  """

  def __init__(self, *, last_step: int, batch: int):
    self._last_step = last_step
    self._batch = batch
    self._step = 0
    self._time = time.monotonic()

  def start(self, step: int) -> None:
    """Begins to count at a step, the first: what came before was compiling."""
    now = time.monotonic()
    say(f'First step after {format_seconds(now - self._time)}')
    self._step, self._time = step, now

  @contextlib.contextmanager
  def paused(self) -> Iterator[None]:
    """Leaves out the time of the block, which is no training step."""
    start = time.monotonic()
    yield
    self._time += time.monotonic() - start

  def report(self, step: int, scalars: dict[str, float]) -> dict[str, float]:
    """Returns `steps_per_second` and `images_per_second`; prints a line."""
    now = time.monotonic()
    speed = (step - self._step) / max(now - self._time, 1e-9)
    self._step, self._time = step, now
    values = ', '.join(f'{key} {value:.4g}' for key, value in scalars.items())
    line = f'Step {step:,} of {self._last_step:,}: {values}'
    if speed:
      left = format_seconds((self._last_step - step) / speed)
      line += f'; {speed:.3g} steps/s, {left} left'
    say(line)
    images = speed * self._batch
    return {'steps_per_second': speed, 'images_per_second': images}


def say(text: str) -> None:
  """Prints the text as one line on the first host."""
  if jax.process_index() == 0:
    lines.say(text)


@contextlib.contextmanager
def said_if_slow(text: str) -> Iterator[None]:
  """Says the text if the block, which waits, takes longer than a minute."""
  timer = threading.Timer(_SLOW_SECONDS, say, [text])
  timer.daemon = True
  timer.start()
  try:
    yield
  finally:
    timer.cancel()


def format_path(path: str | os.PathLike[str]) -> str:
  """Returns the path as it is typed: relative where it is below this folder."""
  return os.fspath(path).removeprefix(f'{os.getcwd()}{os.sep}')


def format_seconds(seconds: float) -> str:
  """Returns the duration as '42 s', '3 min 5 s' or '2 h 14 min'."""
  minutes, rest = divmod(round(seconds), 60)
  hours, minutes = divmod(minutes, 60)
  if hours:
    return f'{hours} h {minutes} min'
  return f'{minutes} min {rest} s' if minutes else f'{rest} s'
