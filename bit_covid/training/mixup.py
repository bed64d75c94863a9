# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Mixup on the device, with the same result on any number of devices.

Zhang et al., "mixup: Beyond Empirical Risk Minimization" (2018); equation 1 of
the paper.
"""

import jax
import jax.numpy as jnp


def draw_weight(key: jax.Array, alpha: float) -> jax.Array:
  """Returns a mixup weight, a float32 scalar drawn from Beta(alpha, alpha).

  As in BiT, one weight per step is used for the whole batch.
  """
  return jax.random.beta(key, alpha, alpha, dtype=jnp.float32)


def mix(x: jax.Array, weight: jax.Array) -> jax.Array:
  """Returns `weight * x + (1 - weight) * partner`, of the shape of `x`.

  Examples 0 and 1 are partners, as are 2 and 3, and so on. BiT pairs the batch
  with its reverse. Batches are drawn at random, so both pairings have the same
  distribution, but neighbours are never on two devices, and therefore the
  number of devices does not change the result.

  Args:
    x: `[N, ...]` images, or `[N, C]` labels as probabilities; N is even.
    weight: a scalar in [0, 1].

  Raises:
    ValueError: N is odd, so that the last example has no partner.
  """
  if x.shape[0] % 2:
    raise ValueError(
      f'Mixup pairs neighbours, but a device has {x.shape[0]} examples. Make '
      'batch / devices even, or set config.mixup_alpha=0.'
    )
  pairs = x.reshape(x.shape[0] // 2, 2, *x.shape[1:])
  partner = pairs[:, ::-1].reshape(x.shape)
  return weight * x + (1 - weight) * partner
