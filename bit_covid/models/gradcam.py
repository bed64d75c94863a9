# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Class activation maps: which positions speak for a class.

The maps are of the last feature map A, `[h, w, F]`, after the final norm and
ReLU. The head W is linear on the mean of exactly that map over its positions:

    d logit_c / d A_k = W[k, c] / (h w)    at every position,

a closed form that needs no backward pass. Grad-CAM (Selvaraju et al., 2017)
averages this gradient over the positions before it weighs the map with it.
HiResCAM (Draelos and Carin, 2020) does not average, and gives the same maps
here, because the gradient is equal at all positions. LayerCAM, which takes the
positive gradients only, is left out: its maps hardly change when the head is
randomized.
"""

from collections.abc import Mapping, Sequence
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bit_covid.models import ensemble


def weighted_maps(feature_map: jax.Array, weights: jax.Array) -> jax.Array:
  """Returns the weighted sums of a feature map's channels, after ReLU.

  They are `[N, C, h, w]` float32 and not normalized.

  Args:
    feature_map: `[N, h, w, F]`, after the final norm and ReLU.
    weights: columns of the head's kernel, `[F, C]` for all images or
      `[N, F, C]` for each.
  """
  _, height, width, _ = feature_map.shape
  columns = 'kc' if weights.ndim == 2 else 'nkc'
  maps = jnp.einsum(
    f'nhwk,{columns}->nchw',
    feature_map.astype(jnp.float32),
    weights.astype(jnp.float32) / (height * width),
    # TPUs would round both sides to bfloat16.
    precision=jax.lax.Precision.HIGHEST,
  )
  return jax.nn.relu(maps)


def normalize(maps: jax.Array) -> jax.Array:
  """Returns maps `[..., h, w]` divided by their largest value.

  A map without a positive value stays zero.
  """
  largest = jnp.max(maps, axis=(-2, -1), keepdims=True)
  # Not every device rounds a division correctly: it could pass 1.
  return jnp.minimum(maps / jnp.where(largest > 0, largest, 1), 1)


def cam(
  feature_map: jax.Array,
  head_kernel: jax.Array,
  class_index: int | jax.Array,
  *,
  size: int | tuple[int, int],
) -> jax.Array:
  """Returns the Grad-CAM map of one class for each image, `[N, S, S]` float32.

  The largest value of a map is 1. A map without a positive value stays zero.

  Args:
    feature_map: `[N, h, w, F]`, after the final norm and ReLU.
    head_kernel: `[F, C]`.
    class_index: one for all images, or `[N]`. The map of an index that is not
      from 0 to C - 1 is NaN.
    size: S, or height and width; maps are resized bilinearly, with half-pixel
      centers as in PyTorch and OpenCV.
  """
  num_images = len(feature_map)
  classes = jnp.broadcast_to(jnp.asarray(class_index), (num_images,))
  # A traced index cannot be checked. By default JAX would clip it, and count a
  # negative one from the end: both give the map of another class.
  by_class = jnp.asarray(head_kernel).T
  columns = by_class.at[classes].get(
    mode='fill', fill_value=jnp.nan, wrap_negative_indices=False
  )
  maps = weighted_maps(feature_map, columns[:, :, None])[:, 0]
  height, width = (size, size) if isinstance(size, int) else size
  shape = (num_images, height, width)
  return normalize(jax.image.resize(maps, shape, 'bilinear'))


@functools.partial(jax.jit, static_argnames='model')
def logits_and_maps(
  model: ensemble.Model,
  params: Mapping[str, Any],
  images: jax.Array,
  class_index: int | jax.Array | None = None,
) -> tuple[jax.Array, jax.Array]:
  """Returns logits `[N, C]`, and maps of `cam` at the size of the images.

  Args:
    model: one network, or several, whose maps are averaged.
    params: its parameter tree.
    images: `[N, S, S, 1 or 3]` float in [-1, 1].
    class_index: as for `cam`; None is the predicted class of each image.
  """
  logits, each = ensemble.apply_each(model, params, images)
  if class_index is None:
    class_index = jnp.argmax(logits, axis=1)
  size = images.shape[1:3]
  maps = [
    cam(x.feature_map, x.head_kernel, class_index, size=size) for x in each
  ]
  if len(maps) == 1:
    return logits, maps[0]
  return logits, normalize(ensemble.mean_map(maps, each))


def check_class_index(
  class_index: int | Sequence[int] | np.ndarray,
  *,
  num_images: int,
  num_classes: int,
) -> np.ndarray:
  """Returns the class index of each image, `[N]` int32.

  Raises:
    ValueError: an index is not an integer from 0 to `num_classes` - 1, or there
      is neither one for all nor one for each of N = `num_images` images.
  """
  indices = np.asarray(class_index)
  if (
    not np.issubdtype(indices.dtype, np.integer)
    or indices.shape not in ((), (num_images,))
    or not np.isin(indices, range(num_classes)).all()
  ):
    raise ValueError(
      f'class_index={class_index!r}; expected an integer from 0 to '
      f'{num_classes - 1}, or one for each of {num_images} images.'
    )
  return np.broadcast_to(indices, num_images).astype(np.int32)


def energy_inside(maps: np.ndarray, boxes: np.ndarray) -> np.ndarray:
  """Returns the share of each map's sum that lies inside its box.

  The share, `[N]` float64, is NaN for a map that is zero everywhere.

  Args:
    maps: `[N, height, width]`, not negative.
    boxes: `[N, 4]`, xmin, ymin, xmax, ymax in pixels, the ends exclusive.

  Raises:
    ValueError: the shapes do not match, or a box is not within the map.
  """
  maps, boxes = np.asarray(maps, np.float64), np.asarray(boxes)
  if maps.ndim != 3 or boxes.shape != (len(maps), 4):
    raise ValueError(
      f'Maps and boxes have the shapes {maps.shape} and {boxes.shape}; '
      'expected [N, height, width] and [N, 4].'
    )
  _, height, width = maps.shape
  start, end = boxes[:, :2], boxes[:, 2:]
  wrong = ~((start >= 0) & (start <= end) & (end <= (width, height)))
  if wrong.any():
    raise ValueError(
      f'The box {boxes[wrong.any(axis=1)][0].tolist()} is not xmin, ymin, '
      f'xmax, ymax within a map of {width} x {height} pixels.'
    )
  xmin, ymin, xmax, ymax = boxes.T[:, :, None]
  columns, rows = np.arange(width)[None], np.arange(height)[None]
  inside_x = (columns >= xmin) & (columns < xmax)
  inside_y = (rows >= ymin) & (rows < ymax)
  inside = np.einsum('nyx,ny,nx->n', maps, inside_y, inside_x)
  total = maps.sum(axis=(1, 2))
  return np.where(total > 0, inside / np.where(total > 0, total, 1), np.nan)
