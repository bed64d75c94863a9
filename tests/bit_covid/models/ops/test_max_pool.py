# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The reference and each fast form against NumPy, values and gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bit_covid.models.ops import max_pool

FORMS = (
  max_pool.reference,
  max_pool.by_slices,
  max_pool.by_windows,
  max_pool.root_pool,
)


def _numpy(x):
  x = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
  height, width = (x.shape[1] - 3) // 2 + 1, (x.shape[2] - 3) // 2 + 1
  y = np.zeros((x.shape[0], height, width, x.shape[3]), x.dtype)
  for i in range(height):
    for j in range(width):
      y[:, i, j] = x[:, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3].max((1, 2))
  return y


def _numpy_gradient(x, gradient):
  """Each value goes to the place of its window's maximum, if not to a zero."""
  padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
  result = np.zeros_like(padded)
  for n, i, j, c in np.ndindex(gradient.shape):
    window = padded[n, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3, c]
    k, m = np.unravel_index(window.argmax(), (3, 3))
    result[n, 2 * i + k, 2 * j + m, c] += gradient[n, i, j, c]
  return result[:, 1:-1, 1:-1]


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('shift', [-3, 0], ids=['negative', 'mixed'])
@pytest.mark.parametrize('side', [(8, 8), (9, 6), (7, 7), (1, 2)])
def test_values_and_gradients(form, side, shift):
  generator = np.random.default_rng(0)
  # Negative values lose to the zeros outside.
  x = generator.normal(shift, 1, (2, *side, 3)).astype(np.float32)
  expected = _numpy(x)
  gradient = generator.normal(size=expected.shape).astype(np.float32)
  actual, pullback = jax.vjp(form, jnp.asarray(x))
  np.testing.assert_array_equal(actual, expected)
  np.testing.assert_allclose(
    pullback(jnp.asarray(gradient))[0], _numpy_gradient(x, gradient), rtol=1e-6
  )


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('side', [(8, 8), (9, 7)])
def test_the_first_of_equal_values_gets_the_gradient(form, side):
  # As the air around a patient gives, whose values are all the same.
  generator = np.random.default_rng(0)
  x = generator.integers(1, 3, (2, *side, 3)).astype(np.float32)
  gradient = generator.normal(size=_numpy(x).shape).astype(np.float32)
  _, pullback = jax.vjp(form, jnp.asarray(x))
  np.testing.assert_allclose(
    pullback(jnp.asarray(gradient))[0], _numpy_gradient(x, gradient), rtol=1e-5
  )
