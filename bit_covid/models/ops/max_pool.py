# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""BiT's root max-pool: 3x3 windows at stride 2 over a zero-padded map."""

import functools

from flax import linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from bit_covid.models.ops import windows

# A row or column that makes the number of a place in the window negative.
_NOT_IN_WINDOW = -9


def reference(x: jax.Array) -> jax.Array:
  """Returns what `root_pool` does, by XLA's pooling of the padded map."""
  x = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
  return nn.max_pool(x, (3, 3), strides=(2, 2))


def root_pool(x: jax.Array) -> jax.Array:
  """Returns the maxima of `[N, H, W, C]`, `[N, ceil(H / 2), ceil(W / 2), C]`.

  Windows at the border see zeros outside the map, not -inf: the released
  weights were trained that way, and without a ReLU before the pool it matters.
  The gradient of a window goes to the first of its maxima.
  """
  return jax.lax.platform_dependent(x, cpu=by_slices, default=by_windows)


def by_windows(x: jax.Array) -> jax.Array:
  """Returns the pool by XLA's pooling without a padded copy, for accelerators.

  On a CPU its derivative, a select-and-scatter, goes value by value.
  """
  # A padded copy of the map would be one more to write to memory; a maximum
  # with zero after the pool gives the same.
  pooled = nn.max_pool(x, (3, 3), strides=(2, 2), padding=((1, 1), (1, 1)))
  rows = _reaches_outside(x.shape[1], pooled.shape[1])
  columns = _reaches_outside(x.shape[2], pooled.shape[2])
  at_border = (rows[:, None] | columns[None])[None, :, :, None]
  return jnp.where(at_border, jnp.maximum(pooled, 0), pooled)


@jax.custom_vjp
def by_slices(x: jax.Array) -> jax.Array:
  """Returns the pool as the maximum of nine strided slices, for CPUs."""
  return functools.reduce(jnp.maximum, _slices(x))


def _by_slices_forward(x):
  return by_slices(x), x


def _by_slices_backward(x, gradient):
  """Returns the gradient of x, from the one to four windows of each value."""
  # Window m covers the rows 2m - 1, 2m and 2m + 1. So the even row 2m is row 1
  # of window m; the odd row 2m + 1 is row 2 of window m and row 0 of window
  # m + 1. The same holds for columns. Summing over windows, and not over the
  # nine places in a window, keeps XLA from fusing nine terms into a slow loop.
  # Without the barrier, XLA would search each window's maximum four times.
  (winner,) = jax.lax.optimization_barrier((_first_maximum(x),))
  n, height, width, channels = x.shape
  rows, columns = gradient.shape[1:3]
  beyond = ((0, 0), (0, 1), (0, 1), (0, 0))
  winner, gradient = jnp.pad(winner, beyond), jnp.pad(gradient, beyond)
  # The row, or column, of the window in which an even and an odd one lie.
  this = np.array([1, 2], np.int8)
  following = np.array([_NOT_IN_WINDOW, 0], np.int8)

  def share(i, j, row, column):
    """Returns what the windows i rows down and j columns to the right give."""
    place = 3 * row[None, None, :, None, None, None]
    place = place + column[None, None, None, None, :, None]
    window = np.s_[:, i : i + rows, None, j : j + columns, None]
    return jnp.where(winner[window] == place, gradient[window], 0.0)

  x_gradient = (  # [N, rows, 2, columns, 2, C]
    share(0, 0, this, this)
    + share(0, 1, this, following)
    + share(1, 0, following, this)
    + share(1, 1, following, following)
  ).reshape(n, 2 * rows, 2 * columns, channels)
  # Where a side of x is odd, its last odd row or column does not exist.
  return (x_gradient[:, :height, :width],)


by_slices.defvjp(_by_slices_forward, _by_slices_backward)


_slices = functools.partial(windows.strided_slices, size=3, stride=2, padding=1)


def _first_maximum(x):
  """Returns `[N, h, w, C]` int8, 3 i + j for a maximum at row i, column j."""
  best, *others = _slices(x)
  place = jnp.zeros(best.shape, jnp.int8)
  for k, other in enumerate(others, start=1):
    place = jnp.where(other > best, jnp.int8(k), place)
    best = jnp.maximum(best, other)
  return place


def _reaches_outside(size, num_windows):
  """Returns `[num_windows]` bool: whether a window reaches beyond the map."""
  start = 2 * jnp.arange(num_windows) - 1
  return (start < 0) | (start + 3 > size)
