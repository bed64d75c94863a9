# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Learning rates: the paper's four schedules, BiT-HyperRule, and a cosine.

A schedule is a tuple of numbers of steps: the end of the warm-up, three decays
by a factor of ten, and the end of the training. Sources: `bit_hyperrule.py` of
BiT; section "Hyperparameters sensitivity" of the paper.
"""

from collections.abc import Callable, Mapping
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
# Of BiT-HyperRule.
_HYPER_RULE_RATE, _HYPER_RULE_BATCH = 0.003, 512


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


def cosine_learning_rate(base: float, steps: tuple[int, ...]) -> optax.Schedule:
  """Returns a function from the number of earlier updates to the learning rate.

  The rate rises linearly from 0 to `base` at the end of the warm-up, and falls
  to 0 at the end of the training along half a cosine. The decays between these
  two steps are not used.

  Raises:
    ValueError: the steps are not positive and increasing.
  """
  check(steps)
  warmup, last = steps[0], steps[-1]

  def rate(step):
    step = jnp.asarray(step, jnp.float32)
    progress = (step - warmup) / (last - warmup)
    falling = base * 0.5 * (1 + jnp.cos(jnp.pi * progress))
    return jnp.where(step < warmup, base * step / warmup, falling)

  return rate


# By the value of `config.learning_rate_decay`.
RATES: Mapping[str, Callable[[float, tuple[int, ...]], optax.Schedule]] = (
  types.MappingProxyType(
    {'steps': learning_rate, 'cosine': cosine_learning_rate}
  )
)


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


def hint(num_examples: int, batch: int) -> str:
  """Returns a sentence on what BiT-HyperRule would take for a data set.

  The rule's learning rate is that of a batch of 512, and is scaled here in
  proportion to the batch (Goyal et al. 2017); the paper does not scale it.
  """
  steps, mixup_alpha = hyper_rule(num_examples)
  mixup = f'mixup {mixup_alpha}' if mixup_alpha else 'no mixup'
  rate = _HYPER_RULE_RATE * batch / _HYPER_RULE_BATCH
  return (
    f'BiT-HyperRule for {num_examples:,} training slices: {steps[-1]:,} steps, '
    f'{mixup}, and a learning rate of {_HYPER_RULE_RATE} for a batch of '
    f'{_HYPER_RULE_BATCH}, in proportion {rate:.4g} for {batch}.'
  )


def hyper_rule(num_examples: int) -> tuple[tuple[int, ...], float]:
  """Returns BiT-HyperRule's schedule and mixup alpha for a number of images."""
  if num_examples < 20_000:
    return SCHEDULES['500'], 0.0
  return SCHEDULES['10k' if num_examples < 500_000 else '20k'], 0.1
