# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Lets something happen after each update of a training."""

from collections.abc import Callable

import pytest

from bit_covid.training import train_step


def after_each(
  patch: pytest.MonkeyPatch,
  change: Callable[[train_step.TrainState], train_step.TrainState],
) -> None:
  """Replaces the state after each update by `change(state)`."""
  original = train_step.make_train_step

  def make_train_step(*args, **kwargs):
    update = original(*args, **kwargs)

    def changed(state, batch):
      state, gradient_norm = update(state, batch)
      return change(state), gradient_norm

    return changed

  patch.setattr(train_step, 'make_train_step', make_train_step)
