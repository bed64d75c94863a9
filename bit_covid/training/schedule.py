# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Learning rates: the paper's four schedules and BiT-HyperRule.

A schedule is a tuple of numbers of steps: the end of the warm-up, three decays
by a factor of ten, and the end of the training. Sources: `bit_hyperrule.py` of
BiT; section "Hyperparameters sensitivity" of the paper.
"""

from collections.abc import Mapping
import itertools
import types

import jax.numpy as jnp
import ml_collections
import optax

# By the value of `steps=` behind the colon of `--config`. All but '5k' are
# BiT's.
SCHEDULES: Mapping[str, tuple[int, ...]] = types.MappingProxyType(
  {
    '500': (100, 200, 300, 400, 500),
    '5k': (500, 1500, 3000, 4500, 5000),
    '10k': (500, 3000, 6000, 9000, 10_000),
    '20k': (500, 6000, 12_000, 18_000, 20_000),
  }
)


def learning_rate(base: float, steps: tuple[int, ...]) -> optax.Schedule:
  """Returns a function from the number of earlier updates to the learning rate.

  It equals BiT's `get_lr(step)`: the rate rises linearly from 0 to `base` at
  the end of the warm-up, and is divided by ten for each decay `s < step`.

  Raises:
    ValueError: the steps are not positive and increasing.
  """
  check(steps)
  warmup, *decays, _ = steps
  # optax divides at the boundary and BiT one step after it, hence the 1. optax
  # counts the boundaries of the second part from the end of the warm-up.
  boundaries = {decay - warmup + 1: 0.1 for decay in decays}
  joined = optax.join_schedules(
    [
      # BiT's formula. optax's linear schedule is less exact near 0.
      lambda step: base * step / warmup,
      optax.piecewise_constant_schedule(base, boundaries),
    ],
    boundaries=[warmup],
  )
  # optax mixes the dtype of the count with its own, which strict promotion
  # forbids. Steps are exact in float32 up to 16 million.
  return lambda step: joined(jnp.asarray(step, jnp.float32))


def check(steps: tuple[int, ...]) -> None:
  """Checks that the steps are a schedule.

  Raises:
    ValueError: there are fewer than two, or they are not increasing.
  """
  increasing = all(a < b for a, b in itertools.pairwise(steps))
  if len(steps) < 2 or not increasing or steps[0] < 1:
    raise ValueError(
      f'The schedule is {steps}; expected at least two steps, increasing '
      'from 1: end of the warm-up, decays, end of the training. The known '
      f'ones are {dict(SCHEDULES)}.'
    )


def resolve(
  config: ml_collections.ConfigDict, *, num_slices: int, num_classes: int
) -> ml_collections.ConfigDict:
  """Returns the config with BiT-HyperRule's values if its schedule is `()`.

  The rule goes by the number of training slices, which `data.per_class` may
  limit.
  """
  if config.schedule:
    return config
  count = config.data.per_class * num_classes or num_slices
  resolved = ml_collections.ConfigDict(config)
  resolved.schedule, resolved.mixup_alpha = hyper_rule(count)
  return ml_collections.FrozenConfigDict(resolved)


def hyper_rule(num_examples: int) -> tuple[tuple[int, ...], float]:
  """Returns BiT-HyperRule's schedule and mixup alpha for a number of images."""
  if num_examples < 20_000:
    return SCHEDULES['500'], 0.0
  return SCHEDULES['10k' if num_examples < 500_000 else '20k'], 0.1
