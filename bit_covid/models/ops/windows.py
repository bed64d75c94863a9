# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Sliding windows over a batch of maps, for pooling and for patches."""

import jax
import jax.numpy as jnp


def strided_slices(
  x: jax.Array, *, size: int, stride: int, padding: int
) -> list[jax.Array]:
  """Returns one strided slice of the padded map per place in a window.

  Slice `size * i + j`, `[N, h, w, C]`, holds row i and column j of each of the
  h x w windows.

  Args:
    x: `[N, H, W, C]`.
    size: side of the square windows.
    stride: the same in both directions.
    padding: zeros added on each of the four sides.
  """
  height, width = (side + 2 * padding - size + 1 for side in x.shape[1:3])
  x = jnp.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
  return [
    x[:, i : i + height : stride, j : j + width : stride]
    for i in range(size)
    for j in range(size)
  ]
