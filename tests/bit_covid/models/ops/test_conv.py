# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Values against NumPy in float64, gradients against the reference."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bit_covid.models.ops import conv


def _numpy(x, kernel, *, stride, padding):
  """The definition in float64: a sum over the places in a window."""
  size = kernel.shape[0]
  x = np.pad(x.astype(np.float64), ((0, 0), *[(padding, padding)] * 2, (0, 0)))
  windows = np.lib.stride_tricks.sliding_window_view(
    x, (size, size), axis=(1, 2)
  )[:, ::stride, ::stride]
  return np.einsum('nhwcij,ijcf->nhwf', windows, kernel.astype(np.float64))


@functools.partial(jax.jit, static_argnames=('convolve', 'stride', 'padding'))
def _apply(convolve, x, kernel, *, stride, padding):
  y, pullback = jax.vjp(
    functools.partial(convolve, stride=stride, padding=padding), x, kernel
  )
  # Values that bfloat16 has, so that the gradient is the same in each dtype.
  gradient = jnp.cos(jnp.arange(y.size)).reshape(y.shape).astype(jnp.bfloat16)
  return y, *pullback(gradient.astype(y.dtype))


@pytest.mark.parametrize('stride', [1, 2])
@pytest.mark.parametrize(
  ('size', 'padding', 'channels'),
  [
    (1, 0, 6),
    (3, 1, 6),
    (1, 1, 6),
    (7, 3, 1),
    (3, 0, 1),
    (1, 0, 1),
    (3, 1, 256),  # Wide: as products on a CPU.
    (3, 0, 256),
  ],
)
@pytest.mark.parametrize('side', [(8, 8), (7, 5)])
def test_values_and_gradients(side, size, padding, channels, stride):
  generator = np.random.default_rng(0)
  x = generator.normal(size=(2, *side, channels)).astype(np.float32)
  kernel = generator.normal(size=(size, size, channels, 10)).astype(np.float32)
  actual, expected = (
    _apply(form, x, kernel, stride=stride, padding=padding)
    for form in (conv.convolve, conv.reference)
  )
  # Wide ones are sums of 2,304 products, and their order differs.
  atol = 1e-4 if channels == 256 else 1e-5
  for a, b in zip(actual, expected, strict=True):
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=atol)
  y = _numpy(x, kernel, stride=stride, padding=padding)
  np.testing.assert_allclose(actual[0], y, rtol=1e-4, atol=atol)


def _lowered(platform, size, channels, *, gradient):
  """Returns the program of a convolution, or of its kernel's gradient."""
  x = jax.ShapeDtypeStruct((2, 8, 8, channels), jnp.float32)
  kernel = jax.ShapeDtypeStruct((size, size, channels, 6), jnp.float32)

  def value(x, kernel):
    return conv.convolve(x, kernel, stride=1, padding=size // 2)

  def kernel_gradient(x, kernel):
    return jax.grad(lambda kernel: jnp.sum(value(x, kernel) ** 2))(kernel)

  function = jax.jit(kernel_gradient if gradient else value)
  exported = jax.export.export(function, platforms=[platform])
  return exported(x, kernel).mlir_module()


@pytest.mark.parametrize('stride', [1, 2])
@pytest.mark.parametrize('channels', [64, 256])
def test_bfloat16_gradients_are_as_exact_as_those_of_xla(channels, stride):
  generator = np.random.default_rng(0)
  x = generator.normal(size=(2, 14, 14, channels)).astype(jnp.bfloat16)
  kernel = generator.normal(size=(3, 3, channels, 16)).astype(jnp.bfloat16)

  def errors(form):
    gradients = _apply(form, x, kernel, stride=stride, padding=1)[1:]
    exact = _apply(
      conv.reference,
      x.astype(np.float32),
      kernel.astype(np.float32),
      stride=stride,
      padding=1,
    )[1:]
    return [
      np.linalg.norm(a.astype(np.float32) - b) / np.linalg.norm(b)
      for a, b in zip(gradients, exact, strict=True)
    ]

  for ours, xla in zip(
    errors(conv.convolve), errors(conv.reference), strict=True
  ):
    assert ours <= 1.1 * xla


@pytest.mark.parametrize('platform', ['cpu', 'cuda', 'tpu'])
@pytest.mark.parametrize(
  ('size', 'channels'), [(1, 4), (3, 4), (7, 1), (3, 256)]
)
def test_only_a_cpu_has_kernel_gradients_as_products(platform, size, channels):
  text = _lowered(platform, size, channels, gradient=True)
  assert ('stablehlo.dot' in text) == (platform == 'cpu')


@pytest.mark.parametrize('platform', ['cpu', 'cuda', 'tpu'])
@pytest.mark.parametrize(
  ('size', 'channels', 'is_product'),
  [(1, 4, True), (3, 256, True), (3, 128, False), (7, 1, False)],
)
def test_only_a_cpu_has_products_and_the_best_ones(
  platform, size, channels, is_product
):
  text = _lowered(platform, size, channels, gradient=False)
  expected = platform == 'cpu' and is_product
  assert ('stablehlo.dot_general' in text) == expected
  assert ('stablehlo.convolution' in text) != expected


def test_float32_is_rounded_only_if_jax_is_told_to():
  exact = _lowered('cuda', 3, 4, gradient=True)
  assert exact.count('HIGHEST') == 2 * exact.count('stablehlo.convolution') > 0
  with jax.default_matmul_precision('tensorfloat32'):
    rounded = _lowered('cuda', 3, 4, gradient=True)
  assert 'HIGHEST' not in rounded
  assert rounded.count('HIGH') == exact.count('HIGHEST')
