# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Learning rates: the paper's four schedules and BiT-HyperRule.

A schedule is a tuple of steps: end of the warm-up, three decays by ten, end of
the training. Sources: `bit_hyperrule.py` of BiT; the paper's section
"Hyperparameters sensitivity".
"""

from collections.abc import Mapping
import itertools
import types

import jax.numpy as jnp
import optax

# By the name that the argument of a config takes. All but '5k' are BiT's.
SCHEDULES: Mapping[str, tuple[int, ...]] = types.MappingProxyType(
  {
    '500': (100, 200, 300, 400, 500),
    '5k': (500, 1500, 3000, 4500, 5000),
    '10k': (500, 3000, 6000, 9000, 10_000),
    '20k': (500, 6000, 12_000, 18_000, 20_000),
  }
)


def learning_rate(base: float, steps: tuple[int, ...]) -> optax.Schedule:
  """Returns the schedule as a function from the step, counted from 0.

  Equal to BiT's `get_lr(step)`: from 0 in a straight line to `base` at the end
  of the warm-up, then a tenth for each decay `s` with `s < step`.

  Raises:
    ValueError: the steps are not a warm-up, decays and an end, in that order.
  """
  check(steps)
  warmup, *decays, _ = steps
  # optax divides at the boundary, BiT one step behind it, hence the 1; and
  # optax counts the second part's boundaries from where it begins.
  boundaries = {decay - warmup + 1: 0.1 for decay in decays}
  joined = optax.join_schedules(
    [
      # As BiT writes it: optax's own ramp loses digits near 0.
      lambda step: base * step / warmup,
      optax.piecewise_constant_schedule(base, boundaries),
    ],
    boundaries=[warmup],
  )
  # optax mixes the dtype of the count with its own, which strict promotion
  # forbids. Steps are exact in float32 up to 16 million.
  return lambda step: joined(jnp.asarray(step, jnp.float32))


def check(steps: tuple[int, ...]) -> None:
  """Raises ValueError unless the steps are a schedule."""
  increasing = all(a < b for a, b in itertools.pairwise(steps))
  if len(steps) < 2 or not increasing or steps[0] < 1:
    raise ValueError(
      f'The schedule is {steps}; expected at least two steps, increasing '
      'from 1: end of the warm-up, decays, end of the training. The known '
      f'ones are {dict(SCHEDULES)}.'
    )


def hyper_rule_schedule(num_examples: int) -> tuple[int, ...]:
  """Returns BiT-HyperRule's schedule for so many training images."""
  if num_examples < 20_000:
    return SCHEDULES['500']
  if num_examples < 500_000:
    return SCHEDULES['10k']
  return SCHEDULES['20k']


def hyper_rule_mixup_alpha(num_examples: int) -> float:
  """Returns BiT-HyperRule's mixup alpha for so many training images."""
  return 0.0 if num_examples < 20_000 else 0.1
