# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Stops a training after a step, where it can go on later without a loss."""

import contextlib
import math
import signal
import time

from etils import epath
import jax
from jax.experimental import multihost_utils
import numpy as np

from bit_covid.base import progress
from bit_covid.base import stop_signals

# Several hosts wait for each other to agree, so they do it once in some steps.
_STEPS_BETWEEN_AGREEMENTS = 10
# Stands for the time limit among signals.
_TIME_LIMIT = signal.SIGALRM


def deadline(max_minutes: float) -> float:
  """Returns the end of a time limit that begins now; 0 minutes: no limit."""
  return time.monotonic() + 60 * max_minutes if max_minutes else math.inf


def how_to_go_on(workdir: epath.Path, saved_step: int, *, of: int) -> str:
  """Returns what is said beside an error; step 0: nothing was saved."""
  place = progress.format_path(workdir)
  saved = f'Step {saved_step:,} of {of:,} is saved. ' if saved_step else ''
  return f'{saved}The same command goes on in {place}.'


class Stopper(contextlib.AbstractContextManager):
  """Says when to stop because of SIGINT, SIGTERM or a time limit.

  Within the `with` block these signals end nothing. At its end, `Stopped` is
  raised if there was a reason to stop.
  """

  def __init__(self, workdir: epath.Path, *, last_step: int, deadline: float):
    self._place = progress.format_path(workdir)
    self._last_step = last_step
    self._deadline = deadline
    # If no step is left to do, `is_due` is never called.
    self._step = last_step
    self._reason = 0
    self._signals = contextlib.ExitStack()

  def __enter__(self) -> 'Stopper':
    # One may have come before, and have been swallowed.
    stop_signals.raise_if_received()
    # Nothing is done at once, as `is_due` asks after the step in hand.
    self._signals.enter_context(stop_signals.handled(lambda: None))
    return self

  def is_due(self, step: int) -> bool:
    """Returns whether to save and stop after this step, the same on all hosts.

    It has to be called after every step.
    """
    self._step = step
    if jax.process_count() == 1:
      self._reason = self._own_reason()
    elif step % _STEPS_BETWEEN_AGREEMENTS == 0 or step == self._last_step:
      own = np.array(self._own_reason(), np.int32)
      self._reason = int(multihost_utils.process_allgather(own).max())
    return self._reason > 0

  def _own_reason(self) -> int:
    is_over = time.monotonic() >= self._deadline
    return stop_signals.received() or (_TIME_LIMIT if is_over else 0)

  def __exit__(self, error_type: type | None, *error: object) -> None:
    self._signals.close()
    # A signal may have come after the last step.
    reason = self._reason or stop_signals.received()
    stop_signals.forget()
    if error_type is None and self._reason and jax.process_count() > 1:
      # No host ends before the last one has saved.
      multihost_utils.sync_global_devices('stopped')
    if error_type is None and reason:
      raise self._stopped(reason)

  def _stopped(self, reason: int) -> stop_signals.Stopped:
    signum = signal.Signals(reason)
    name = signum.name
    if signum == _TIME_LIMIT:
      # The code of what a queue stops at its limit.
      name, signum = 'the time limit', signal.SIGTERM
    return stop_signals.Stopped(
      signum,
      f'Stopped by {name} after step {self._step:,} of {self._last_step:,}, '
      f'which is saved in {self._place}. The same command goes on from there.',
    )
