# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Class activation maps: which positions speak for a class.

    maps = classifier.gradcam(images)  # [N, S, S] float32 in [0, 1]
    share = gradcam.energy_inside(maps, boxes)
    similarity = gradcam.cascading_randomization(model, params, images, 2)

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
import scipy.stats

from bit_covid.models import resnet_v2


def weighted_maps(feature_map: jax.Array, weights: jax.Array) -> jax.Array:
  """Returns the weighted sums of a feature map's channels, after ReLU.

  Args:
    feature_map: `[N, h, w, F]`, after the final norm and ReLU.
    weights: columns of the head's kernel, `[F, C]` for all images or
      `[N, F, C]` for each.

  Returns:
    `[N, C, h, w]` float32, not normalized.
  """
  _, height, width, _ = feature_map.shape

  def image_maps(feature_map, weights):
    return jnp.einsum(
      'hwk,kc->chw',
      feature_map.astype(jnp.float32),
      weights.astype(jnp.float32) / (height * width),
      # TPUs would round both sides to bfloat16.
      precision=jax.lax.Precision.HIGHEST,
    )

  weights_axis = None if weights.ndim == 2 else 0
  maps = jax.vmap(image_maps, in_axes=(0, weights_axis))(feature_map, weights)
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
  """Returns the Grad-CAM map of one class for each image.

  Args:
    feature_map: `[N, h, w, F]`, after the final norm and ReLU.
    head_kernel: `[F, C]`.
    class_index: one for all images, or `[N]`. The map of an index that is not
      from 0 to C - 1 is NaN.
    size: S, or height and width; maps are resized bilinearly, with half-pixel
      centers as in PyTorch and OpenCV.

  Returns:
    `[N, S, S]` float32 in [0, 1], the largest value of each map 1. A map
    without a positive value stays zero.
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


def apply(
  model: resnet_v2.ResNetV2,
  params: Mapping[str, Any],
  images: jax.Array,
  class_index: int | jax.Array | None = None,
) -> jax.Array:
  """Returns the maps of `logits_and_maps` alone."""
  return logits_and_maps(model, params, images, class_index)[1]


@functools.partial(jax.jit, static_argnames='model')
def logits_and_maps(
  model: resnet_v2.ResNetV2,
  params: Mapping[str, Any],
  images: jax.Array,
  class_index: int | jax.Array | None = None,
) -> tuple[jax.Array, jax.Array]:
  """Returns logits, and Grad-CAM maps at the resolution of the images.

  Args:
    model: the network.
    params: its parameter tree.
    images: `[N, S, S, 1 or 3]` float in [-1, 1].
    class_index: as for `cam`; None is the predicted class of each image.

  Returns:
    Logits `[N, C]` float32, and maps `[N, S, S]` as those of `cam`.
  """
  logits, intermediates = model.apply({'params': params}, images)
  if class_index is None:
    class_index = jnp.argmax(logits, axis=1)
  maps = cam(
    intermediates['feature_map'],
    params['head']['kernel'],
    class_index,
    size=images.shape[1:3],
  )
  return logits, maps


def check_class_index(
  class_index: int | Sequence[int] | np.ndarray,
  *,
  num_images: int,
  num_classes: int,
) -> np.ndarray:
  """Returns the class index of each image, `[N]` int32.

  Args:
    class_index: an integer, or `[num_images]` integers.
    num_images: N.
    num_classes: indices must be from 0 to `num_classes` - 1.

  Raises:
    ValueError: an index is no integer or no class, or their number is not N.
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

  Args:
    maps: `[N, height, width]`, not negative.
    boxes: `[N, 4]`, xmin, ymin, xmax, ymax in pixels, the ends exclusive.

  Returns:
    `[N]` float64; NaN for a map that is zero everywhere.

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


def cascading_randomization(
  model: resnet_v2.ResNetV2,
  params: Mapping[str, Any],
  images: np.ndarray,
  class_index: int | Sequence[int] | np.ndarray,
  *,
  seed: int = 0,
) -> dict[str, np.ndarray]:
  """Returns the similarity of each map to the original one, by stage.

  This is the sanity check of Adebayo et al. (2018): from the head down to the
  root, the parameters of one stage after the other are randomized, and stay so.
  A map that survives this does not show what the network has learnt.

  Parameters are randomized by shuffling the values of each array: every layer
  keeps its distribution, and no initial value has to be chosen, which for the
  head would be zero.

  Similarity is Spearman's rank correlation over the pixels, about 0 for
  unrelated maps. SSIM depends on its window, and finds any two maps similar
  where both are flat.

  Args:
    model: the network.
    params: its parameter tree, which is not changed.
    images: `[N, S, S, 1 or 3]` float in [-1, 1], computed as one batch.
    class_index: the class of the maps at every stage, one for all images or one
      for each.
    seed: of the shuffling; the same seed gives the same numbers. One shuffle
      moves all maps alike, so that several seeds say more than many images.

  Returns:
    `[N]` float64 for each stage, in order; the first is 'none', where nothing
    is randomized. A map that has become zero everywhere gives 0; an original
    map that is zero everywhere gives NaN.

  Raises:
    ValueError: a class index is not one of the network's classes.
  """
  classes = check_class_index(
    class_index, num_images=len(images), num_classes=model.num_classes
  )
  images = jnp.asarray(images, jnp.float32)
  generator = np.random.default_rng(seed)
  # Put on the device once; afterwards only the stage that changes is sent.
  params = jax.device_put(dict(params))
  original = _centered_ranks(apply(model, params, images, classes))
  similarity = {'none': _correlation(original, original)}
  for stage, modules in _stages(params).items():
    for name in modules:
      values = jax.device_get(params[name])
      params[name] = jax.device_put(jax.tree.map(generator.permuted, values))
    maps = apply(model, params, images, classes)
    similarity[stage] = _correlation(original, _centered_ranks(maps))
  return similarity


def _stages(params: Mapping[str, Any]) -> dict[str, list[str]]:
  """Returns the modules to randomize by stage, from the head to the root."""
  blocks = sorted((name for name in params if 'block' in name), reverse=True)
  stages = {name: [name] for name in ['head', *blocks, 'root']}
  stages[blocks[0]] = ['norm', blocks[0]]
  return stages


def _correlation(x: np.ndarray, y: np.ndarray) -> np.ndarray:
  """Returns Pearson's correlation `[N]` of centered rows `[N, K]`.

  The rows are ranks, so this is Spearman's correlation of what was ranked.
  """
  scale = np.sqrt((x * x).sum(axis=1) * (y * y).sum(axis=1))
  correlation = (x * y).sum(axis=1) / np.where(scale > 0, scale, 1)
  return np.where(x.any(axis=1), correlation, np.nan)


def _centered_ranks(maps: np.ndarray | jax.Array) -> np.ndarray:
  """Returns the ranks of the pixels of each map less their mean, `[N, K]`."""
  # In float64, as scipy 1.18 gives ranks in the dtype of the pixels.
  pixels = np.asarray(maps, np.float64).reshape(len(maps), -1)
  # Equal pixels, such as the zeros after ReLU, share their mean rank.
  ranks = scipy.stats.rankdata(pixels, axis=1)
  return ranks - ranks.mean(axis=1, keepdims=True)
