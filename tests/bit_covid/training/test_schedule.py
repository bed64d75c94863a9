# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The schedules against BiT's function, step by step."""

import jax
import numpy as np
import pytest

from bit_covid.training import schedule


def bit_get_lr(step, supports, base_lr):
  """The rule of `bit_hyperrule.get_lr`, in words: see docs of BiT."""
  warmup, *decays, end = supports
  if step < warmup:
    return base_lr * step / warmup
  if step >= end:
    return None
  for decay in decays:
    if decay < step:
      base_lr /= 10
  return base_lr


@pytest.mark.parametrize('name', schedule.SCHEDULES)
def test_learning_rate_is_that_of_bit_at_every_step(name):
  steps = schedule.SCHEDULES[name]
  rate = jax.vmap(schedule.learning_rate(0.003, steps))
  actual = rate(np.arange(steps[-1], dtype=np.int32))
  expected = [bit_get_lr(step, steps, 0.003) for step in range(steps[-1])]
  assert None not in expected
  np.testing.assert_allclose(actual, expected, rtol=1e-6)
  assert bit_get_lr(steps[-1], steps, 0.003) is None


def test_schedules_are_those_of_the_paper():
  assert dict(schedule.SCHEDULES) == {
    '500': (100, 200, 300, 400, 500),
    '5k': (500, 1500, 3000, 4500, 5000),
    '10k': (500, 3000, 6000, 9000, 10_000),
    '20k': (500, 6000, 12_000, 18_000, 20_000),
  }


def test_decay_comes_one_step_behind_its_number():
  rate = schedule.learning_rate(0.003, (500, 3000, 6000, 9000, 10_000))
  np.testing.assert_allclose(
    [rate(step) for step in (0, 250, 500, 3000, 3001, 9000, 9001)],
    [0, 0.0015, 0.003, 0.003, 0.0003, 0.00003, 0.000003],
    rtol=1e-5,
  )


@pytest.mark.parametrize(
  'steps', [(), (5,), (0, 5), (5, 5), (5, 3, 9), (100, 200, 300, 250)]
)
def test_what_is_no_schedule_is_refused(steps):
  with pytest.raises(ValueError, match='expected at least two steps'):
    schedule.learning_rate(0.003, steps)


@pytest.mark.parametrize(
  ('count', 'name', 'alpha'),
  [
    (300, '500', 0.0),
    (19_999, '500', 0.0),
    (20_000, '10k', 0.1),
    # COVIDx CT-2A's training split: the paper's default is BiT's own choice.
    (143_778, '10k', 0.1),
    (499_999, '10k', 0.1),
    (500_000, '20k', 0.1),
  ],
)
def test_hyper_rule(count, name, alpha):
  assert schedule.hyper_rule_schedule(count) == schedule.SCHEDULES[name]
  assert schedule.hyper_rule_mixup_alpha(count) == alpha
