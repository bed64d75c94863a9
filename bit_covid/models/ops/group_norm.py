# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Group normalization followed by ReLU, with a derivative of its own.

BiT has a ReLU after each of its norms; together they move less memory.
"""

import functools

import jax
import jax.numpy as jnp

# As in BiT; flax's default is 1e-6.
_EPSILON = 1e-5


def reference(
  x: jax.Array, scale: jax.Array, bias: jax.Array, *, num_groups: int
) -> jax.Array:
  """Returns what `norm_relu` does, for autodiff."""
  n, height, width, channels = x.shape
  groups = x.reshape(n, height, width, num_groups, channels // num_groups)
  groups = groups.astype(jnp.promote_types(x.dtype, jnp.float32))
  mean = jnp.mean(groups, axis=(1, 2, 4), keepdims=True)
  variance = jnp.var(groups, axis=(1, 2, 4), keepdims=True)
  normalized = (groups - mean) * jax.lax.rsqrt(variance + _EPSILON)
  y = normalized.reshape(x.shape) * _as_map(scale[None]) + _as_map(bias[None])
  return jax.nn.relu(y).astype(x.dtype)


# Under jit, the 49 norms of a network are traced once per shape.
@functools.partial(jax.jit, static_argnames='num_groups')
def norm_relu(
  x: jax.Array, scale: jax.Array, bias: jax.Array, *, num_groups: int
) -> jax.Array:
  """Returns ReLU of the normalized, scaled and shifted x, in the dtype of x.

  Args:
    x: `[N, H, W, C]`. Whatever its dtype, the statistics are float32; they are
      over all positions and the channels of a group.
    scale: `[C]` float32.
    bias: `[C]` float32.
    num_groups: a divisor of C.
  """
  return _norm_relu(num_groups, x, scale, bias)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _norm_relu(num_groups, x, scale, bias):
  return _forward(num_groups, x, scale, bias)[0]


def _forward(num_groups, x, scale, bias):
  mean, inverse_std = _statistics(x, num_groups)
  _, _, y = _scaled(x, scale, bias, mean, inverse_std)
  # x is the only map that is kept. The backward pass computes the others again
  # while it reads x.
  residuals = (x, scale, bias, mean, inverse_std)
  return jax.nn.relu(y).astype(x.dtype), residuals


def _backward(num_groups, residuals, gradient):
  """Returns the gradients of x, scale and bias."""
  # Two sums for each image and channel, then one pass that writes. Autodiff
  # makes four, and keeps the centered map, the normalized one and ReLU's mask.
  x, scale, bias, mean, inverse_std = residuals
  num_positions = x.shape[1] * x.shape[2]
  centered, factor, y = _scaled(x, scale, bias, mean, inverse_std)
  gradient = jnp.where(y > 0, gradient.astype(jnp.float32), 0.0)
  gradient = _materialized(gradient)
  # Of each image, `[N, C]`.
  bias_gradient = jnp.sum(gradient, axis=(1, 2))
  scale_gradient = jnp.sum(gradient * centered, axis=(1, 2)) * inverse_std

  # Through the variance and through the mean of each group.
  through_variance, through_mean = (
    _mean_over_groups(total * scale[None], num_groups) / num_positions
    for total in (scale_gradient, bias_gradient)
  )
  through_variance, through_mean = _materialized(
    (through_variance * jnp.square(inverse_std), through_mean * inverse_std)
  )
  x_gradient = (
    gradient * _as_map(factor)
    - centered * _as_map(through_variance)
    - _as_map(through_mean)
  )
  return (
    x_gradient.astype(x.dtype),
    jnp.sum(scale_gradient, axis=0),
    jnp.sum(bias_gradient, axis=0),
  )


_norm_relu.defvjp(_forward, _backward)


def _scaled(x, scale, bias, mean, inverse_std):
  """Returns centered x, its factor `[N, C]`, and their product plus bias."""
  centered = x.astype(jnp.float32) - _as_map(mean)
  factor = _materialized(inverse_std * scale[None])
  return centered, factor, centered * _as_map(factor) + _as_map(bias[None])


def _statistics(x, num_groups):
  """Returns mean and 1 / deviation of each channel's group, `[N, C]`."""
  x32 = x.astype(jnp.float32)
  channel_mean = _materialized(jnp.mean(x32, axis=(1, 2)))
  mean = _materialized(_mean_over_groups(channel_mean, num_groups))
  if x.dtype == jnp.float32:
    # In two passes: E[x^2] - E[x]^2, flax's default, loses digits where the
    # mean is large.
    square = jnp.square(x32 - _as_map(channel_mean))
    within = _materialized(jnp.mean(square, axis=(1, 2)))
    between = jnp.square(channel_mean - mean)
    variance = _mean_over_groups(within + between, num_groups)
  else:
    # In one pass. The error, 2^-24 of the squared mean, is far below what
    # rounding x to bfloat16 has already cost.
    square = jnp.mean(jnp.square(x32), axis=(1, 2))
    variance = _mean_over_groups(square, num_groups) - jnp.square(mean)
    variance = jnp.maximum(variance, 0.0)
  inverse_std = _materialized(jax.lax.rsqrt(variance + _EPSILON))
  return mean, inverse_std


def _materialized(arrays):
  """Returns the arrays, which on a CPU are written to memory first."""
  # Otherwise XLA for CPUs computes them again for each value that uses them. On
  # a TPU the convolutions compute them on the way.
  return jax.lax.platform_dependent(
    arrays, cpu=jax.lax.optimization_barrier, default=lambda arrays: arrays
  )


def _mean_over_groups(x, num_groups):
  """Returns `[N, C]`: for each channel, the mean over its group."""
  n, channels = x.shape
  group_mean = jnp.mean(x.reshape(n, num_groups, -1), axis=2)
  return jnp.repeat(group_mean, channels // num_groups, axis=1)


def _as_map(x):
  """Returns `[N, C]` as `[N, 1, 1, C]`."""
  return x[:, None, None]
