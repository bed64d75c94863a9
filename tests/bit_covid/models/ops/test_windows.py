# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Strided slices against NumPy's windows."""

import jax.numpy as jnp
import numpy as np
import pytest

from bit_covid.models.ops import windows


@pytest.mark.parametrize('side', [(8, 8), (7, 5)])
@pytest.mark.parametrize(
  ('size', 'stride', 'padding'), [(1, 2, 0), (3, 1, 1), (3, 2, 1), (3, 2, 0)]
)
def test_windows(side, size, stride, padding):
  x = np.random.default_rng(0).normal(size=(2, *side, 3)).astype(np.float32)
  actual = windows.strided_slices(
    jnp.asarray(x), size=size, stride=stride, padding=padding
  )
  around = ((0, 0), (padding, padding), (padding, padding), (0, 0))
  expected = np.lib.stride_tricks.sliding_window_view(
    np.pad(x, around), (size, size), axis=(1, 2)
  )[:, ::stride, ::stride]
  expected = np.moveaxis(expected, (-2, -1), (0, 1))
  np.testing.assert_array_equal(
    np.stack(actual), expected.reshape(-1, *expected.shape[2:])
  )
