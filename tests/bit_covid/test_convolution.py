# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Values and gradients against autodiff of the plain convolution."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bit_covid import convolution


def _plain(x, kernel, *, stride, padding):
  return jax.lax.conv_general_dilated(
    x,
    kernel,
    (stride, stride),
    ((padding, padding), (padding, padding)),
    dimension_numbers=('NHWC', 'HWIO', 'NHWC'),
  )


@functools.partial(jax.jit, static_argnames=('convolve', 'stride', 'padding'))
def _apply(convolve, x, kernel, *, stride, padding):
  y, pullback = jax.vjp(
    functools.partial(convolve, stride=stride, padding=padding), x, kernel
  )
  return y, *pullback(jnp.cos(jnp.arange(y.size)).reshape(y.shape))


@pytest.mark.parametrize('stride', [1, 2])
@pytest.mark.parametrize(
  ('size', 'padding', 'channels'),
  [(1, 0, 6), (3, 1, 6), (1, 1, 6), (7, 3, 1), (3, 0, 1), (1, 0, 1)],
)
@pytest.mark.parametrize('side', [(8, 8), (7, 5)])
def test_values_and_gradients(side, size, padding, channels, stride):
  generator = np.random.default_rng(0)
  x = generator.normal(size=(2, *side, channels)).astype(np.float32)
  kernel = generator.normal(size=(size, size, channels, 10)).astype(np.float32)
  actual, expected = (
    _apply(form, x, kernel, stride=stride, padding=padding)
    for form in (convolution.convolve, _plain)
  )
  for a, b in zip(actual, expected, strict=True):
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('platform', ['cpu', 'cuda', 'tpu'])
@pytest.mark.parametrize(('size', 'channels'), [(1, 4), (7, 1)])
def test_only_a_cpu_gets_products(platform, size, channels):
  x = jax.ShapeDtypeStruct((2, 8, 8, channels), jnp.float32)
  kernel = jax.ShapeDtypeStruct((size, size, channels, 6), jnp.float32)

  def gradient(x, kernel):
    def loss(kernel):
      y = convolution.convolve(x, kernel, stride=1, padding=size // 2)
      return jnp.sum(y**2)

    return jax.grad(loss)(kernel)

  exported = jax.export.export(jax.jit(gradient), platforms=[platform])
  text = exported(x, kernel).mlir_module()
  assert ('dot_general' in text) == (platform == 'cpu')
