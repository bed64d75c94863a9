# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Kernels and their gradients against NumPy in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bit_covid.models.ops import weight_standardization


def _standardize(kernel, epsilon=1e-10):
  kernel = kernel.astype(np.float64)
  mean = kernel.mean((0, 1, 2))
  return (kernel - mean) / np.sqrt(kernel.var((0, 1, 2)) + epsilon)


FORMS = pytest.mark.parametrize(
  'form',
  [weight_standardization.reference, weight_standardization.standardize],
)


def _relative_error(actual, expected):
  return np.abs(actual - expected).max() / np.abs(expected).max()


@FORMS
@pytest.mark.parametrize('scale', [1.0, 1e-5])
def test_gradient_of_standardized_kernels(scale, form):
  generator = np.random.default_rng(0)
  kernel = scale * generator.normal(size=(3, 3, 5, 4))
  gradient = generator.normal(size=kernel.shape)
  _, pullback = jax.vjp(form, jnp.asarray(kernel, jnp.float32))
  (actual,) = pullback(jnp.asarray(gradient, jnp.float32))
  # Against differences in float64; at 1e-5 the epsilon takes its part.
  expected = np.zeros_like(kernel)
  for index in np.ndindex(kernel.shape):
    moved = np.zeros_like(kernel)
    moved[index] = 1e-6 * scale
    ahead, behind = _standardize(kernel + moved), _standardize(kernel - moved)
    expected[index] = (gradient * (ahead - behind)).sum() / (2e-6 * scale)
  assert _relative_error(actual, expected) < 1e-4


@FORMS
@pytest.mark.parametrize('deviation', [1.0, 1e-3, 1e-5])
def test_standardization_has_an_epsilon_of_1e_10(deviation, form):
  kernel = np.random.default_rng(0).normal(0.5, deviation, (3, 3, 8, 4))
  kernel = (kernel - 0.5).astype(np.float32)
  actual = form(jnp.asarray(kernel))
  assert _relative_error(actual, _standardize(kernel)) < 1e-5
  # What other implementations add, 1e-8, would be seen on the small kernels.
  if deviation < 1e-4:
    assert _relative_error(actual, _standardize(kernel, 1e-8)) > 0.1
