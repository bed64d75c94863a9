# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The two layers of BiT's network: operations with their parameters."""

from typing import Any

from flax import linen as nn
import jax
import jax.numpy as jnp

from bit_covid.models.ops import conv
from bit_covid.models.ops import group_norm
from bit_covid.models.ops import weight_standardization


class StdConv(nn.Module):
  """A convolution without bias whose kernel is standardized on every call."""

  features: int
  # The side of the square kernel.
  kernel_size: int = 1
  stride: int = 1
  # Zeros added on each of the four sides.
  padding: int = 0
  # Input channels of the kernel; by default those of the input. With 3, a gray
  # image is treated as three equal channels.
  in_features: int | None = None
  # As in `resnet_v2.ResNetV2`.
  kernels_prestandardized: bool = False
  # Of the computation; the parameter is float32.
  dtype: Any = jnp.float32

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Returns the convolution of `[N, H, W, C]`, in `dtype`."""
    in_features = self.in_features or x.shape[-1]
    kernel = self.param(
      'kernel',
      nn.initializers.lecun_normal(),
      (self.kernel_size, self.kernel_size, in_features, self.features),
      jnp.float32,
    )
    if not self.kernels_prestandardized:
      kernel = weight_standardization.standardize(kernel)
    if x.shape[-1] == 1 < in_features:
      # Three equal channels under three kernels are one channel under their
      # sum: the same function at a third of the products.
      kernel = jnp.sum(kernel, axis=2, keepdims=True)
    return conv.convolve(
      x.astype(self.dtype),
      kernel.astype(self.dtype),
      stride=self.stride,
      padding=self.padding,
    )


class GroupNormRelu(nn.Module):
  """Group normalization, scale and shift by channel, then ReLU."""

  # A divisor of the channels.
  num_groups: int

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Returns `[N, H, W, C]` in the dtype of x; the statistics are float32."""
    channels = x.shape[-1]
    scale = self.param('scale', nn.initializers.ones_init(), (channels,))
    bias = self.param('bias', nn.initializers.zeros_init(), (channels,))
    return group_norm.norm_relu(x, scale, bias, num_groups=self.num_groups)
