# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Group normalization and ReLU in one, with a derivative that moves little.

y = group_norm.norm_relu(x, scale, bias, num_groups=32)
"""

import functools

import jax
import jax.numpy as jnp

# As in BiT; flax's default is 1e-6.
_EPSILON = 1e-5


# Traced once a shape, and not at each of a network's 49 norms.
@functools.partial(jax.jit, static_argnames='num_groups')
def norm_relu(
  x: jax.Array, scale: jax.Array, bias: jax.Array, *, num_groups: int
) -> jax.Array:
  """Returns ReLU of the normalized, scaled and shifted x, in x's dtype.

  Args:
    x: `[N, H, W, C]`. Statistics are float32, over positions and the channels
      of a group, whatever the dtype.
    scale: `[C]` float32.
    bias: `[C]` float32.
    num_groups: the channels divide by it.
  """
  return _norm_relu(num_groups, x, scale, bias)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _norm_relu(num_groups, x, scale, bias):
  return _forward(num_groups, x, scale, bias)[0]


def _forward(num_groups, x, scale, bias):
  """Returns the result and what the derivative needs."""
  mean, inverse = _statistics(x, num_groups)
  centered = x.astype(jnp.float32) - _by_channel(mean)
  (factor,) = _written(inverse * scale[None])
  y = centered * _by_channel(factor) + _by_position(bias)
  # Of the maps, x alone is kept: what the derivative needs beside it is made
  # again while x is read.
  return jax.nn.relu(y).astype(x.dtype), (x, scale, bias, mean, inverse)


def _backward(num_groups, residuals, gradient):
  """Returns the gradients of x, scale and bias.

  Two sums by image and channel, then one pass that writes: autodiff's has four
  passes and keeps the centered map, the normalized one and ReLU's mask.
  """
  x, scale, bias, mean, inverse = residuals
  positions = x.shape[1] * x.shape[2]
  centered = x.astype(jnp.float32) - _by_channel(mean)
  (factor,) = _written(inverse * scale[None])
  y = centered * _by_channel(factor) + _by_position(bias)
  (gradient,) = _written(jnp.where(y > 0, gradient.astype(jnp.float32), 0.0))
  total = jnp.sum(gradient, axis=(1, 2))
  slope = jnp.sum(gradient * centered, axis=(1, 2)) * inverse

  mean_total = _mean_over_groups(total * scale[None], num_groups) / positions
  mean_slope = _mean_over_groups(slope * scale[None], num_groups) / positions
  per_value, per_image = _written(
    mean_slope * jnp.square(inverse), mean_total * inverse
  )
  of_x = (
    gradient * _by_channel(factor)
    - centered * _by_channel(per_value)
    - _by_channel(per_image)
  )
  return of_x.astype(x.dtype), jnp.sum(slope, axis=0), jnp.sum(total, axis=0)


_norm_relu.defvjp(_forward, _backward)


def _statistics(x, num_groups):
  """Returns mean and inverse deviation of each group, both `[N, C]`."""
  wide = x.astype(jnp.float32)
  (by_channel,) = _written(jnp.mean(wide, axis=(1, 2)))
  (mean,) = _written(_mean_over_groups(by_channel, num_groups))
  if x.dtype == jnp.float32:
    # The variance of what is centered: E[x^2] - E[x]^2, as flax has it by
    # default, loses digits where the mean is large.
    square = jnp.square(wide - _by_channel(by_channel))
    (within,) = _written(jnp.mean(square, axis=(1, 2)))
    between = jnp.square(by_channel - mean)
    variance = _mean_over_groups(within + between, num_groups)
  else:
    # In one pass. What this loses of the variance, 2^-24 of the mean's square,
    # is far below what rounding x to 8 bits has done to it.
    square = jnp.mean(jnp.square(wide), axis=(1, 2))
    variance = _mean_over_groups(square, num_groups) - jnp.square(mean)
    variance = jnp.maximum(variance, 0.0)
  (inverse,) = _written(jax.lax.rsqrt(variance + _EPSILON))
  return mean, inverse


def _written(*arrays):
  """Returns the arrays, on a CPU as they lie in memory.

  XLA would compute them anew for each value that they are used for there. With
  the kernel gradients of `conv.py` this takes a step of R50x1 at 128 px
  and batch 16 from 3.0 to 2.6 seconds of a CPU's time.
  On a TPU the convolutions compute them on the way, and a map that is written
  is one more to move.
  """
  return jax.lax.platform_dependent(
    *arrays,
    cpu=lambda *arrays: jax.lax.optimization_barrier(arrays),
    default=lambda *arrays: arrays,
  )


def _mean_over_groups(x, num_groups):
  """Returns `[N, C]`, the same for all channels of a group."""
  n, channels = x.shape
  by_group = jnp.mean(x.reshape(n, num_groups, -1), axis=2)
  return jnp.repeat(by_group, channels // num_groups, axis=1)


def _by_channel(x):
  """Returns `[N, C]` as `[N, 1, 1, C]`."""
  return x[:, None, None]


def _by_position(x):
  """Returns `[C]` as `[1, 1, 1, C]`."""
  return x[None, None, None]
