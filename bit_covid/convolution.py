# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Convolution of maps, with the derivative that is best on each platform."""

import functools
from typing import Any

import jax
import jax.numpy as jnp


def convolve(
  x: jax.Array,
  kernel: jax.Array,
  *,
  stride: int,
  padding: int,
  precision: Any = None,
) -> jax.Array:
  """Returns the convolution of `[N, H, W, C]` with `[k, k, C, F]`.

  Args:
    x: in the dtype of the kernel.
    kernel: square.
    stride: the same in both directions.
    padding: zeros added on each of the four sides.
    precision: of the products.
  """
  if kernel.shape[:2] == (1, 1) and not padding:
    return _pointwise(stride, precision, x, kernel)
  if x.shape[-1] == 1:
    return _gray(stride, padding, precision, x, kernel)
  return _convolve(x, kernel, stride, padding, precision)


def _convolve(x, kernel, stride, padding, precision):
  return jax.lax.conv_general_dilated(
    x,
    kernel,
    window_strides=(stride, stride),
    # Explicit and symmetric: 'SAME' pads unevenly where the stride is 2.
    padding=((padding, padding), (padding, padding)),
    dimension_numbers=('NHWC', 'HWIO', 'NHWC'),
    precision=precision,
  )


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _pointwise(stride, precision, x, kernel):
  """Returns a convolution of 1x1.

  It is autodiff's but for the gradient of the kernel on a CPU. As a matrix
  product the rest gains nothing there, and on a TPU it moves more bytes.
  """
  return _convolve(x, kernel, stride, 0, precision)


def _pointwise_forward(stride, precision, x, kernel):
  return _pointwise(stride, precision, x, kernel), (x, kernel)


def _pointwise_backward(stride, precision, residuals, gradient):
  x, kernel = residuals
  _, of_x = jax.vjp(lambda x: _convolve(x, kernel, stride, 0, precision), x)
  of_kernel = jax.lax.platform_dependent(
    x,
    gradient,
    cpu=functools.partial(_as_product, stride, precision),
    default=functools.partial(_as_convolution, stride, 0, precision, kernel),
  )
  return *of_x(gradient), of_kernel


_pointwise.defvjp(_pointwise_forward, _pointwise_backward)


def _as_product(stride, precision, x, gradient):
  """Returns the gradient of the kernel, for CPUs.

  XLA writes the maps anew for the convolution that autodiff makes of it: at
  128 px and batch 16 that takes 32 ms of a CPU's time for 64 channels to 256,
  the product 9 ms; from 1024 to 256 it is 14 ms to 9 ms.
  """
  x = x[:, ::stride, ::stride]
  product = jax.lax.dot_general(
    x.reshape(-1, x.shape[-1]),
    gradient.reshape(-1, gradient.shape[-1]),
    (((0,), (0,)), ((), ())),
    precision=precision,
  )
  return product[None, None]


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1, 2))
def _gray(stride, padding, precision, x, kernel):
  """Returns the convolution of maps of one channel: that of the root.

  It is autodiff's but for the gradient of the kernel on a CPU.
  """
  return _convolve(x, kernel, stride, padding, precision)


def _gray_forward(stride, padding, precision, x, kernel):
  return _gray(stride, padding, precision, x, kernel), (x, kernel)


def _gray_backward(stride, padding, precision, residuals, gradient):
  x, kernel = residuals
  _, of_x = jax.vjp(
    lambda x: _convolve(x, kernel, stride, padding, precision), x
  )
  of_kernel = jax.lax.platform_dependent(
    x,
    gradient,
    cpu=functools.partial(
      _from_patches, stride, padding, precision, kernel.shape[0]
    ),
    default=functools.partial(
      _as_convolution, stride, padding, precision, kernel
    ),
  )
  return *of_x(gradient), of_kernel


_gray.defvjp(_gray_forward, _gray_backward)


def _from_patches(stride, padding, precision, size, x, gradient):
  """Returns the gradient of the kernel, for CPUs.

  The image's values under each output position, written out by a convolution
  with ones and zeros, make it one product. Autodiff's convolution has a window
  as large as the map and wants its gradient transposed: 90 ms of a step at
  128 px and batch 16, of which 57 are left, nearly all of them the pool's.
  """
  count = size * size
  one_each = jnp.eye(count, dtype=x.dtype).reshape(size, size, 1, count)
  patches = _convolve(x, one_each, stride, padding, precision)
  product = _as_product(1, precision, patches, gradient)
  return product.reshape(size, size, 1, -1)


def _as_convolution(stride, padding, precision, kernel, x, gradient):
  """Returns the gradient of the kernel, for accelerators."""
  _, of_kernel = jax.vjp(
    lambda kernel: _convolve(x, kernel, stride, padding, precision), kernel
  )
  return of_kernel(gradient)[0]
