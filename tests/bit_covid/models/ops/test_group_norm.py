# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Both forms of the norm and their gradients against flax's in float64."""

import functools

from flax import linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bit_covid.models.ops import group_norm

GROUPS = 8


def _flax(x, scale, bias):
  """Flax's norm, in the dtype of x and with BiT's settings, then its ReLU."""
  norm = nn.GroupNorm(
    GROUPS,
    epsilon=1e-5,
    use_fast_variance=False,
    dtype=x.dtype,
    param_dtype=x.dtype,
  )
  return nn.relu(norm.apply({'params': {'scale': scale, 'bias': bias}}, x))


def _draw(shape, *, mean=0.0, deviation=1.0):
  """Returns x, scale, bias and a gradient of the result, float32."""
  generator = np.random.default_rng(0)
  values = (
    generator.normal(mean, deviation, shape),
    generator.normal(1, 0.3, shape[-1]),
    generator.normal(0, 0.3, shape[-1]),
    generator.normal(0, 1, shape),
  )
  return tuple(value.astype(np.float32) for value in values)


def _apply(form, x, scale, bias, gradient):
  """Returns the result and the gradients of x, scale and bias."""
  form = functools.partial(form, num_groups=GROUPS)
  result, pullback = jax.vjp(form, x, scale, bias)
  return result, *pullback(gradient)


def _expected(*arguments):
  """Returns what `_apply` should, in float64."""
  # Flax mixes dtypes and ranks.
  with (
    jax.enable_x64(True),
    jax.numpy_dtype_promotion('standard'),
    jax.numpy_rank_promotion('allow'),
  ):
    *arrays, gradient = (np.asarray(x, np.float64) for x in arguments)
    result, pullback = jax.vjp(_flax, *map(jnp.asarray, arrays))
    return [np.asarray(x) for x in (result, *pullback(jnp.asarray(gradient)))]


def _relative_errors(actual, expected):
  return [
    np.abs(np.asarray(x, np.float64) - y).max() / np.abs(y).max()
    for x, y in zip(actual, expected, strict=True)
  ]


@pytest.mark.parametrize(
  ('shape', 'mean', 'deviation'),
  [
    ((2, 16, 16, 32), 0, 1),
    ((3, 7, 5, 8), -1, 2),
    # Flax's defaults, a fast variance and an epsilon of 1e-6, are off by 2e-4.
    ((2, 16, 16, 32), 50, 3),
    # A variance near the epsilon: 1e-6 in its place doubles the result.
    ((2, 16, 16, 32), 0, 3e-3),
  ],
)
@pytest.mark.parametrize('form', [group_norm.reference, group_norm.norm_relu])
def test_values_and_gradients(form, shape, mean, deviation):
  arguments = _draw(shape, mean=mean, deviation=deviation)
  actual = jax.jit(_apply, static_argnums=0)(form, *arguments)
  errors = _relative_errors(actual, _expected(*arguments))
  assert max(errors) < 5e-6


def test_constant_maps_become_the_bias():
  x = np.full((1, 4, 4, 16), 3.7, np.float32)
  scale, bias = (
    np.ones(16, np.float32),
    np.linspace(-1, 1, 16, dtype=np.float32),
  )
  y = group_norm.norm_relu(x, scale, bias, num_groups=GROUPS)
  np.testing.assert_allclose(
    y, np.broadcast_to(np.maximum(bias, 0), x.shape), atol=1e-3
  )


@pytest.mark.parametrize('mean', [0, 5])
def test_bfloat16_is_off_by_its_rounding(mean):
  x, scale, bias, gradient = _draw((2, 16, 16, 32), mean=mean)
  x, gradient = x.astype(jnp.bfloat16), gradient.astype(jnp.bfloat16)
  norm_relu = group_norm.norm_relu
  actual = jax.jit(_apply, static_argnums=0)(
    norm_relu, x, scale, bias, gradient
  )
  assert [y.dtype for y in actual] == [jnp.bfloat16] * 2 + [np.float32] * 2
  errors = _relative_errors(actual, _expected(x, scale, bias, gradient))
  # 8 bits, of the largest value: half a unit in the last place is 2^-9.
  assert max(errors[:2]) < 2**-8
  assert max(errors[2:]) < 1e-5
