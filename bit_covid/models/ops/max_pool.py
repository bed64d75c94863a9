# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""BiT's root max-pool: 3x3, stride 2, padded with zeros, as is best where."""

import functools

from flax import linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from bit_covid.models.ops import patches


def root_pool(x: jax.Array) -> jax.Array:
  """Returns the maximum over windows of 3x3 at stride 2 of `[N, H, W, C]`.

  Windows at the border see zeros, and not -inf, outside: the released weights
  were trained so, and without a ReLU before it the difference is real.
  """
  return jax.lax.platform_dependent(x, cpu=by_slices, default=by_windows)


def by_windows(x: jax.Array) -> jax.Array:
  """Returns the pool as XLA has it, for accelerators.

  On a CPU its derivative, a select-and-scatter, goes value by value: 290 ms at
  128 px and batch 16, 25 ms as slices (by the clock, on a busy machine).
  """
  # The zeros are put in by a maximum after the pool: padding the map itself
  # would write it once more, 0.5 GB of a TPU's step at 480 px and batch 16.
  pooled = nn.max_pool(x, (3, 3), strides=(2, 2), padding=((1, 1), (1, 1)))
  rows = _touches_border(x.shape[1], pooled.shape[1])
  columns = _touches_border(x.shape[2], pooled.shape[2])
  at_border = (rows[:, None] | columns[None])[None, :, :, None]
  return jnp.where(at_border, jnp.maximum(pooled, 0), pooled)


@jax.custom_vjp
def by_slices(x: jax.Array) -> jax.Array:
  """Returns the pool as the maximum of nine shifted maps, for CPUs.

  The gradient of a window goes to the first of its maxima, as in `by_windows`.
  """
  return functools.reduce(jnp.maximum, _shifted(x))


def _by_slices_forward(x):
  return by_slices(x), x


def _by_slices_backward(x, gradient):
  """Returns the gradient of x, each value from the windows that it is in.

  At 128 px and batch 16 it takes 9 ms of two threads alone, autodiff's sum of
  nine maps 12, which within a step of R50x1 became one loop of a single thread
  and 51.
  """
  (winner,) = jax.lax.optimization_barrier((_first_maximum(x),))
  n, height, width, channels = x.shape
  rows, columns = gradient.shape[1:3]
  # Row 2m + p of x is row 1 + p of window m and, if p is 1, row 0 of the next.
  after = ((0, 0), (0, 1), (0, 1), (0, 0))
  winner = jnp.pad(winner, after, constant_values=-1)
  gradient = jnp.pad(gradient, after)
  within = np.array([[1, 2], [-9, 0]], np.int8)  # [next or not, p]; -9: not.
  shares = []
  for i, j in np.ndindex(2, 2):
    mine = 3 * within[i].reshape(2, 1, 1, 1) + within[j].reshape(1, 1, 2, 1)
    window = np.s_[:, i : i + rows, None, j : j + columns, None]
    shares.append(
      jnp.where(winner[window] == mine[None, None], gradient[window], 0.0)
    )
  # [N, rows, 2, columns, 2, C]: one more than there is where a side is odd.
  of_x = sum(shares).reshape(n, 2 * rows, 2 * columns, channels)
  return (of_x[:, :height, :width],)


by_slices.defvjp(_by_slices_forward, _by_slices_backward)


def _shifted(x):
  return patches.shifted(x, size=3, stride=2, padding=1)


def _first_maximum(x):
  """Returns `[N, h, w, C]` int8: the place of each window's first maximum."""
  best, *others = _shifted(x)
  place = jnp.zeros(best.shape, jnp.int8)
  for i, other in enumerate(others, start=1):
    place = jnp.where(other > best, jnp.int8(i), place)
    best = jnp.maximum(best, other)
  return place


def _touches_border(size: int, pooled: int) -> jax.Array:
  """Returns `[pooled]` bool: whether a window reaches beyond the map."""
  start = 2 * jnp.arange(pooled) - 1
  return (start < 0) | (start + 3 > size)
