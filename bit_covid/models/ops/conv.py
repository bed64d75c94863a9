# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Convolution, as a matrix product where that is faster on a CPU.

GPUs and TPUs run `reference`, which is XLA's convolution, and its derivative by
autodiff. On a CPU, XLA runs many convolutions on a single thread, and copies
whole maps to compute the gradient of a kernel; there, most become matrix
products. `benchmarks/README.md` has the speed of each form.
"""

import functools

import jax
import jax.numpy as jnp

from bit_covid.models.ops import windows

# On a CPU, a kernel larger than 1x1 is faster as a matrix product from this
# number of input channels on.
_MIN_PRODUCT_CHANNELS = 256
_LAYOUT = ('NHWC', 'HWIO', 'NHWC')


def reference(
  x: jax.Array, kernel: jax.Array, *, stride: int, padding: int
) -> jax.Array:
  """Returns what `convolve` does, as XLA's convolution on every platform."""
  return jax.lax.conv_general_dilated(
    x,
    kernel,
    window_strides=(stride, stride),
    # Explicit and symmetric: 'SAME' pads unevenly where the stride is 2.
    padding=[(padding, padding)] * 2,
    dimension_numbers=_LAYOUT,
    precision=_precision(x),
  )


# Under jit, the convolutions of a network are traced once per shape.
@functools.partial(jax.jit, static_argnames=('stride', 'padding'))
def convolve(
  x: jax.Array, kernel: jax.Array, *, stride: int, padding: int
) -> jax.Array:
  """Returns the convolution of a batch of maps with a square kernel.

  Args:
    x: `[N, H, W, C]`, in the dtype of the kernel.
    kernel: `[k, k, C, F]`.
    stride: the same in both directions.
    padding: zeros added on each of the four sides.

  Returns:
    `[N, h, w, F]`, in the dtype of x.
  """
  options = {'stride': stride, 'padding': padding}
  plain = functools.partial(reference, **options)

  def plain_gradients(x, kernel, gradient):
    return jax.vjp(plain, x, kernel)[1](gradient)

  # The derivative chooses by platform itself: if JAX differentiated the choice,
  # XLA would compile slower convolutions for the CPU's backward pass.
  @jax.custom_vjp
  def form(x, kernel):
    on_cpu = functools.partial(_on_cpu, **options)
    return jax.lax.platform_dependent(x, kernel, cpu=on_cpu, default=plain)

  def backward(residuals, gradient):
    on_cpu = functools.partial(_gradients_on_cpu, **options)
    return jax.lax.platform_dependent(
      *residuals, gradient, cpu=on_cpu, default=plain_gradients
    )

  form.defvjp(lambda x, kernel: (form(x, kernel), (x, kernel)), backward)
  return form(x, kernel)


def _precision(x):
  # float32 means float32: by default a GPU or TPU would round products. It may
  # do so, as with TF32, if `jax_default_matmul_precision` asks for it.
  if x.dtype != jnp.float32 or jax.config.jax_default_matmul_precision:
    return None
  return jax.lax.Precision.HIGHEST


def _on_cpu(x, kernel, *, stride, padding):
  """Returns the convolution, a matrix product for 1x1 and wide kernels."""
  size, _, channels, features = kernel.shape
  if size > 1 and channels < _MIN_PRODUCT_CHANNELS:
    return reference(x, kernel, stride=stride, padding=padding)
  patches = _patches(x, size=size, stride=stride, padding=padding)
  kernel = kernel.reshape(-1, features)
  return jnp.matmul(patches, kernel, precision=_precision(x))


def _gradients_on_cpu(x, kernel, gradient, **options):
  """Returns the gradient of x by autodiff, of the kernel as a product."""
  # In float32, and rounded once, also where x is bfloat16: a place in x lies
  # under up to nine windows, whose gradients would be rounded as they add up.
  dtype = jnp.float32 if x.dtype == jnp.bfloat16 else x.dtype
  wide_kernel = kernel.astype(dtype)
  _, pullback = jax.vjp(
    lambda x: _on_cpu(x, wide_kernel, **options), x.astype(dtype)
  )
  (x_gradient,) = pullback(gradient.astype(dtype))
  # Autodiff would convolve, with a window as large as the map, transposed
  # copies of the map and of its gradient.
  patches = _patches(x, size=kernel.shape[0], **options)
  kernel_gradient = jnp.matmul(
    patches.reshape(-1, patches.shape[-1]).T,
    gradient.reshape(-1, gradient.shape[-1]),
    precision=_precision(x),
  )
  return x_gradient.astype(x.dtype), kernel_gradient.reshape(kernel.shape)


def _patches(x, *, size, stride, padding):
  """Returns the values under each window, `[N, h, w, size * size * C]`."""
  if x.shape[-1] == 1:
    # 49 slices of a single channel would be copied value by value; this is a
    # convolution with ones and zeros.
    return jax.lax.conv_general_dilated_patches(
      x,
      filter_shape=(size, size),
      window_strides=(stride, stride),
      padding=[(padding, padding)] * 2,
      dimension_numbers=_LAYOUT,
    )
  slices = windows.strided_slices(x, size=size, stride=stride, padding=padding)
  return jnp.concatenate(slices, axis=-1)
