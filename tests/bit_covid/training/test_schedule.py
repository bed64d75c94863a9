# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The schedules against BiT's rule and the paper, step by step."""

import re

import jax
import numpy as np
import optax
import pytest

from bit_covid.training import schedule
from configs import common

# The number of steps of the warm-up, and then at each rate, counted by hand
# from `bit_hyperrule.get_lr` of BiT: at the step of a decay the rate is not yet
# divided. The last rate has one step less, as the end is exclusive.
LENGTHS = {
  '500': (100, 101, 100, 100, 99),
  '5k': (500, 1001, 1500, 1500, 499),
  '10k': (500, 2501, 3000, 3000, 999),
  '20k': (500, 5501, 6000, 6000, 1999),
}


@pytest.mark.parametrize('name', schedule.SCHEDULES)
def test_learning_rate_is_that_of_bit_at_every_step(name):
  warmup, *lengths = LENGTHS[name]
  expected = np.concatenate(
    [
      0.003 * np.arange(warmup) / warmup,
      np.repeat([3e-3, 3e-4, 3e-5, 3e-6], lengths),
    ]
  )
  rate = jax.vmap(schedule.learning_rate(0.003, schedule.SCHEDULES[name]))
  actual = rate(np.arange(len(expected), dtype=np.int32))
  np.testing.assert_allclose(actual, expected, rtol=1e-6)
  assert len(expected) == schedule.SCHEDULES[name][-1]


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
  ('num_slices', 'per_class', 'end', 'alpha'),
  [
    (300, 0, 500, 0.0),
    (19_999, 0, 500, 0.0),
    (20_000, 0, 10_000, 0.1),
    # COVIDx CT-2A's training split: the paper's default is BiT's own choice.
    (143_778, 0, 10_000, 0.1),
    (499_999, 0, 10_000, 0.1),
    (500_000, 0, 20_000, 0.1),
    # Few slices of each of three classes are drawn from a large split.
    (143_778, 100, 500, 0.0),
    (143_778, 7_000, 10_000, 0.1),
  ],
)
def test_hyper_rule(num_slices, per_class, end, alpha):
  config = common.get_config('steps=auto')
  config.data.per_class = per_class
  resolved = schedule.resolve(config, num_slices=num_slices, num_classes=3)
  assert resolved.schedule[-1] == end
  assert resolved.mixup_alpha == alpha


def test_a_schedule_that_is_given_stays():
  config = common.get_config('steps=5k')
  config.mixup_alpha = 0.7
  resolved = schedule.resolve(config, num_slices=300, num_classes=3)
  assert resolved.schedule == (500, 1500, 3000, 4500, 5000)
  assert resolved.mixup_alpha == 0.7


def test_cosine_is_that_of_optax():
  rate = schedule.cosine_learning_rate(0.003, (500, 3000, 6000, 9000, 10_000))
  expected = optax.warmup_cosine_decay_schedule(0.0, 0.003, 500, 10_000)
  steps = np.arange(0, 10_000, 7, dtype=np.int32)
  with jax.numpy_dtype_promotion('standard'):
    values = jax.vmap(expected)(steps)
  np.testing.assert_allclose(
    jax.vmap(rate)(steps), values, rtol=1e-4, atol=1e-9
  )
  with pytest.raises(ValueError, match='expected at least two steps'):
    schedule.cosine_learning_rate(0.003, (5, 3))


@pytest.mark.parametrize(
  ('num_examples', 'batch', 'expected'),
  [
    (1_320, 32, '500 steps, no mixup, and.* 0.003 .* 512, .* 0.0001875 for 32'),
    (143_778, 64, '10,000 steps, mixup 0.1, .* proportion 0.000375 for 64'),
    (600_000, 512, '20,000 steps, mixup 0.1, .* proportion 0.003 for 512'),
  ],
)
def test_hint(num_examples, batch, expected):
  assert re.search(expected, schedule.hint(num_examples, batch))
