# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""BiT's ResNetV2: pre-activation, GroupNorm, weight standardization.

The architecture is that of Kolesnikov et al., "Big Transfer (BiT): General
Visual Representation Learning" (2020), as released in `bit_jax/models.py`; the
parameters of the public checkpoints fit it as they are (`bit_npz.py`).
"""

from collections.abc import Callable, Mapping, Sequence
import functools
from typing import Any, NamedTuple

from flax import linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from bit_covid.models import layers
from bit_covid.models.ops import max_pool
from bit_covid.models.ops import weight_standardization


class Size(NamedTuple):
  """The depth and width of a network, such as those of R50x1."""

  block_units: tuple[int, ...]
  # Channels of the root; BiT's "x3" is 3 * 64.
  width: int
  # BiT uses 32 groups whatever the width. Narrower networks need fewer: with
  # `width // 2`, a group has at least two channels, as in R50x1.
  num_groups: int = 32

  @property
  def num_features(self) -> int:
    """Number of features before the head."""
    return 4 * self.width * 2 ** (len(self.block_units) - 1)


MODELS: Mapping[str, Size] = {
  # For tests and the demo; there is no public checkpoint of it.
  'tiny': Size((1, 1, 1, 1), width=16, num_groups=8),
  # Between tiny and R50x1, for training from random weights on few cores; there
  # are no public checkpoints of them either. 26 layers are two units a block.
  'R26x0.5': Size((2, 2, 2, 2), width=32, num_groups=16),
  'R50x0.5': Size((3, 4, 6, 3), width=32, num_groups=16),
  'R26x1': Size((2, 2, 2, 2), width=64),
  'R50x1': Size((3, 4, 6, 3), width=64),
  'R50x3': Size((3, 4, 6, 3), width=3 * 64),
  'R101x1': Size((3, 4, 23, 3), width=64),
  'R101x3': Size((3, 4, 23, 3), width=3 * 64),
  'R152x2': Size((3, 8, 36, 3), width=2 * 64),
  'R152x4': Size((3, 8, 36, 3), width=4 * 64),
}


def standardize_kernels(params: Mapping[str, Any]) -> Mapping[str, Any]:
  """Returns the parameters with weight standardization already applied."""
  standardize = weight_standardization.standardize
  # Only those of convolutions have four axes; the head's is not standardized.
  return jax.tree.map(lambda x: standardize(x) if x.ndim == 4 else x, params)


class BottleneckUnit(nn.Module):
  """A pre-activation bottleneck: norm and ReLU come before each convolution."""

  # Channels within the unit; it returns four times as many.
  features: int
  # These make a `layers.StdConv` and a `layers.GroupNormRelu`.
  conv: Callable[..., nn.Module]
  norm_relu: Callable[..., nn.Module]
  # Of the 3x3 convolution and of the projection.
  stride: int

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Returns the sum of shortcut and residual, `4 * features` channels."""
    conv, features, stride = self.conv, self.features, self.stride
    y = self.norm_relu(name='gn1')(x)
    shortcut = x
    if x.shape[-1] != 4 * features or stride != 1:
      # From the activated y, not from x, and without a norm of its own.
      shortcut = conv(4 * features, stride=stride, name='conv_proj')(y)
    y = conv(features, name='conv1')(y)
    y = self.norm_relu(name='gn2')(y)
    y = conv(features, kernel_size=3, stride=stride, padding=1, name='conv2')(y)
    y = self.norm_relu(name='gn3')(y)
    y = conv(4 * features, name='conv3')(y)
    # No ReLU after the sum: the next unit's norm and ReLU come first.
    return y + shortcut


class Block(nn.Module):
  """A sequence of units at one resolution, of which the first projects."""

  num_units: int
  # Makes a `BottleneckUnit`.
  make_unit: Callable[..., nn.Module]
  # Of the first unit; the others have stride 1.
  first_stride: int

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Returns the map after the last unit."""
    for i in range(self.num_units):
      stride = self.first_stride if i == 0 else 1
      x = self.make_unit(stride=stride, name=f'unit{i + 1:02d}')(x)
    return x


class ResNetV2(nn.Module):
  """BiT's ResNetV2.

  Attributes:
    num_classes: number of logits.
    size: depth and width.
    dtype: dtype of the convolutions and activations; parameters, weight
      standardization, the statistics of GroupNorm and the head are float32.
    remat: recompute the activations of each unit in the backward pass.
    kernels_prestandardized: the parameters come from `standardize_kernels`, for
      many images with the same parameters.
  """

  num_classes: int
  size: Size
  dtype: Any = jnp.float32
  remat: bool = False
  kernels_prestandardized: bool = False

  @nn.compact
  def __call__(
    self, images: jax.Array
  ) -> tuple[jax.Array, dict[str, jax.Array]]:
    """Returns the logits, and the last feature map and its mean by name.

    What the caller does not use of them costs nothing under jit.

    Args:
      images: `[N, H, W, 3]` or `[N, H, W, 1]` float in [-1, 1]. One channel
        gives what three equal channels give.

    Returns:
      Logits `[N, num_classes]` float32, and `{'feature_map': [N, h, w, F],
      'features': [N, F]}`: the last map after the final norm and ReLU, and its
      mean over the positions, float32, which is what the head takes.

    Raises:
      ValueError: the images have neither 1 nor 3 channels.
    """
    if images.ndim != 4 or images.shape[-1] not in (1, 3):
      raise ValueError(
        f'Images have the shape {images.shape}; expected [N, H, W, 1] (gray) '
        'or [N, H, W, 3].'
      )
    feature_map = self._feature_map(images)
    features = jnp.mean(feature_map, axis=(1, 2), dtype=jnp.float32)
    # Zeros, as in BiT: the first logits are equal, the first loss is
    # ln(num_classes), and the first step moves the head alone.
    logits = nn.Dense(
      self.num_classes,
      kernel_init=nn.initializers.zeros_init(),
      dtype=jnp.float32,
      precision=jax.lax.Precision.HIGHEST,
      name='head',
    )(features)
    return logits, {'feature_map': feature_map, 'features': features}

  def _feature_map(self, images: jax.Array) -> jax.Array:
    conv = functools.partial(
      layers.StdConv,
      kernels_prestandardized=self.kernels_prestandardized,
      dtype=self.dtype,
    )
    norm_relu = functools.partial(
      layers.GroupNormRelu, num_groups=self.size.num_groups
    )
    make_unit = functools.partial(
      nn.remat(BottleneckUnit) if self.remat else BottleneckUnit,
      conv=conv,
      norm_relu=norm_relu,
    )
    width = self.size.width
    # At half the side of the images, then at a quarter; no norm, no ReLU.
    x = conv(
      width, kernel_size=7, stride=2, padding=3, in_features=3, name='root'
    )(images)
    x = max_pool.root_pool(x)
    for i, num_units in enumerate(self.size.block_units):
      x = Block(
        num_units,
        functools.partial(make_unit, width * 2**i),
        first_stride=1 if i == 0 else 2,
        name=f'block{i + 1}',
      )(x)
    return norm_relu(name='norm')(x)


def create(
  model_name: str,
  *,
  num_classes: int,
  dtype: Any = jnp.float32,
  remat: bool = False,
) -> ResNetV2:
  """Returns the network of a name in `MODELS`; the rest is as in `ResNetV2`.

  Raises:
    ValueError: the name is unknown; the message lists the known ones.
  """
  if model_name not in MODELS:
    raise ValueError(
      f'There is no model {model_name!r}; the known ones are: '
      f'{", ".join(MODELS)}.'
    )
  return ResNetV2(num_classes, MODELS[model_name], dtype=dtype, remat=remat)


def parameter_shapes(model: ResNetV2) -> Mapping[str, Any]:
  """Returns the parameter tree with a `jax.ShapeDtypeStruct` for each array."""
  # Any side gives the same parameters; nothing is computed.
  image = jax.ShapeDtypeStruct((1, 64, 64, 1), jnp.float32)
  return jax.eval_shape(model.init, jax.random.key(0), image)['params']


def parameter_count(shapes: Mapping[str, Any] | Sequence[Any]) -> int:
  """Returns the number of parameters in a tree of arrays or of shapes."""
  return sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(shapes))
