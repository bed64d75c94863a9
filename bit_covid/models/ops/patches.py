# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Windows over a map as shifted maps: how a CPU pools and makes patches."""

import jax
import jax.numpy as jnp


def shifted(
  x: jax.Array, *, size: int, stride: int, padding: int
) -> list[jax.Array]:
  """Returns what square windows have at each of their places, row by row.

  Args:
    x: `[N, H, W, C]`.
    size: side of the windows.
    stride: the same in both directions.
    padding: zeros added on each of the four sides.

  Returns:
    `size * size` maps `[N, h, w, C]`, one value a window.
  """
  height, width = (side + 2 * padding - size + 1 for side in x.shape[1:3])
  x = jnp.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
  return [
    x[:, i : i + height : stride, j : j + width : stride]
    for i in range(size)
    for j in range(size)
  ]
