# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Mixup on the device, the same on any number of devices.

Zhang et al., "mixup: Beyond Empirical Risk Minimization" (2018); equation 1 of
the paper.
"""

import jax
import jax.numpy as jnp


def draw_weight(key: jax.Array, alpha: float) -> jax.Array:
  """Returns the mixing weight, a float32 scalar drawn from Beta(alpha, alpha).

  One a step for the whole batch, as in BiT.
  """
  return jax.random.beta(key, alpha, alpha, dtype=jnp.float32)


def mix(x: jax.Array, weight: jax.Array) -> jax.Array:
  """Returns `weight * x + (1 - weight) * partner`, of the shape of `x`.

  The partner of example 0 is example 1 and the other way round, of 2 it is 3,
  and so on. BiT pairs the batch with its reverse; as batches are drawn at
  random both pairings have one distribution, and neighbours never lie on two
  devices, so that the number of devices changes nothing.

  Args:
    x: `[N, ...]` images, or labels as probabilities; N is even.
    weight: a scalar in [0, 1].

  Raises:
    ValueError: N is odd, and the last example has no partner.
  """
  if x.shape[0] % 2:
    raise ValueError(
      f'Mixup pairs neighbours, but a device has {x.shape[0]} examples. Make '
      'batch / devices even, or set config.mixup_alpha=0.'
    )
  pairs = x.reshape(x.shape[0] // 2, 2, *x.shape[1:])
  partner = pairs[:, ::-1].reshape(x.shape)
  return weight * x + (1 - weight) * partner
