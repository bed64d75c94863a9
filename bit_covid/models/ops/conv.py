# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Convolution of maps, in the form and with the derivative best on a platform.

y = conv.convolve(x, kernel, stride=2, padding=1)

Accelerators get XLA's convolution and what autodiff makes of it. On a CPU XLA
computes many with one thread, and writes maps anew for the gradients of
kernels: there, most are matrix products. What each form gave is in
`benchmarks/README.md`.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp

from bit_covid.models.ops import patches as patches_lib

# From so many channels on, a CPU is faster with a product of patches, narrower
# kernels of more than one value with XLA's convolution.
_WIDE = 256


# Traced once a shape, and not at each of a network's convolutions.
@functools.partial(jax.jit, static_argnames=('stride', 'padding', 'precision'))
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
  return _convolve(stride, padding, precision, x, kernel)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1, 2))
def _convolve(stride, padding, precision, x, kernel):
  return jax.lax.platform_dependent(
    x,
    kernel,
    cpu=functools.partial(_for_cpu, stride, padding, precision),
    default=functools.partial(_by_xla, stride, padding, precision),
  )


def _forward(stride, padding, precision, x, kernel):
  return _convolve(stride, padding, precision, x, kernel), (x, kernel)


def _backward(stride, padding, precision, residuals, gradient):
  return jax.lax.platform_dependent(
    *residuals,
    gradient,
    cpu=functools.partial(_gradients_for_cpu, stride, padding, precision),
    default=functools.partial(_gradients_by_xla, stride, padding, precision),
  )


_convolve.defvjp(_forward, _backward)


def _by_xla(stride, padding, precision, x, kernel):
  return jax.lax.conv_general_dilated(
    x,
    kernel,
    window_strides=(stride, stride),
    # Explicit and symmetric: 'SAME' pads unevenly where the stride is 2.
    padding=((padding, padding), (padding, padding)),
    dimension_numbers=('NHWC', 'HWIO', 'NHWC'),
    precision=precision,
  )


def _gradients_by_xla(stride, padding, precision, x, kernel, gradient):
  form = functools.partial(_by_xla, stride, padding, precision)
  return jax.vjp(form, x, kernel)[1](gradient)


def _for_cpu(stride, padding, precision, x, kernel):
  size, _, channels, features = kernel.shape
  if size > 1 and channels < _WIDE:
    return _by_xla(stride, padding, precision, x, kernel)
  patches = _patches(stride, padding, size, x)
  return jax.lax.dot_general(
    patches,
    kernel.reshape(-1, features),
    (((3,), (0,)), ((), ())),
    precision=precision,
  )


def _gradients_for_cpu(stride, padding, precision, x, kernel, gradient):
  """Returns the gradients of x and of the kernel, the latter as a product.

  Autodiff's convolution for it has a window as large as the map, and wants the
  map and its gradient transposed.
  """
  _, of_x = jax.vjp(
    lambda x: _for_cpu(stride, padding, precision, x, kernel), x
  )
  patches = _patches(stride, padding, kernel.shape[0], x)
  of_kernel = jax.lax.dot_general(
    patches.reshape(-1, patches.shape[-1]),
    gradient.reshape(-1, gradient.shape[-1]),
    (((0,), (0,)), ((), ())),
    precision=precision,
  )
  return *of_x(gradient), of_kernel.reshape(kernel.shape)


def _patches(stride, padding, size, x):
  """Returns `[N, h, w, k * k * C]`: what the kernel sees from each position."""
  if x.shape[-1] == 1:
    # One channel shifted 49 times would be written value by value. A
    # convolution with ones and zeros writes the same.
    one_each = jnp.eye(size * size, dtype=x.dtype)
    one_each = one_each.reshape(size, size, 1, -1)
    return _by_xla(stride, padding, None, x, one_each)
  places = patches_lib.shifted(x, size=size, stride=stride, padding=padding)
  return jnp.concatenate(places, axis=-1)
