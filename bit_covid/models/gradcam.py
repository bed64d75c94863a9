# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Class activation maps: which positions speak for a class.

    maps = classifier.gradcam(images)  # [N, S, S] float32 in [0, 1]
    share = gradcam.energy_inside(maps, boxes)
    similarity = gradcam.cascading_randomization(network, params, images, 2)

The maps are of the last feature map A, `[h, w, F]`, after the final norm and
ReLU. The head W is linear on the mean of exactly that map over its positions:

    d logit_c / d A_k = W[k, c] / (h w)    at every position,

a closed form that needs no backward pass. Grad-CAM (Selvaraju et al., 2017)
averages this gradient over the positions before it weighs the map, HiResCAM
(Draelos and Carin, 2020) does not; as it is the same everywhere, **both are one
function for this network**. LayerCAM, which takes the positive gradients only,
is left out: its maps hardly change when the head is randomized.
"""

from collections.abc import Mapping, Sequence
import functools
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from bit_covid.models import resnet_v2

Method = Literal['gradcam', 'hirescam']
METHODS: tuple[str, ...] = get_args(Method)


def gradient(
  feature_map: jax.Array,
  head_kernel: jax.Array,
  class_index: int | jax.Array,
) -> jax.Array:
  """Returns d logit / d feature map, `[N, F]`, the same at every position.

  The arguments are those of `cam`; of the map, only the shape matters.
  """
  n, height, width, _ = feature_map.shape
  classes = jnp.broadcast_to(jnp.asarray(class_index), (n,))
  # An index may be traced and cannot be checked; clipping it, as indexing
  # does, would give the map of another class.
  columns = jnp.take(head_kernel, classes, axis=1, mode='fill')
  return columns.T.astype(jnp.float32) / (height * width)


def cam(
  feature_map: jax.Array,
  head_kernel: jax.Array,
  class_index: int | jax.Array,
  *,
  size: int | tuple[int, int],
  method: Method = 'gradcam',
) -> jax.Array:
  """Returns `[N, S, S]` float32 in [0, 1], the largest value of each map 1.

  A map without a positive value stays zero.

  Args:
    feature_map: `[N, h, w, F]`, after the final norm and ReLU.
    head_kernel: `[F, C]`.
    class_index: one for all or `[N]`; the map of one out of range is NaN.
    size: S, or height and width; the map is resized bilinearly, with half-pixel
      centers as in PyTorch and OpenCV.
    method: one of `METHODS`.

  Raises:
    ValueError: there is no such method; the message lists the known ones.
  """
  if method not in METHODS:
    raise ValueError(
      f'There is no method {method!r}; the known ones are: '
      f'{", ".join(METHODS)}.'
    )
  # The mean of the gradient and the gradient at each position: for both
  # methods these numbers.
  weights = gradient(feature_map, head_kernel, class_index)
  maps = jnp.einsum(
    'nhwk,nk->nhw',
    feature_map.astype(jnp.float32),
    weights,
    # TPUs would round both sides to bfloat16.
    precision=jax.lax.Precision.HIGHEST,
  )
  maps = jax.nn.relu(maps)
  height, width = (size, size) if isinstance(size, int) else size
  maps = jax.image.resize(maps, (len(maps), height, width), 'bilinear')
  largest = jnp.max(maps, axis=(1, 2), keepdims=True)
  # Not every device rounds a division correctly: it could pass 1.
  return jnp.minimum(maps / jnp.where(largest > 0, largest, 1), 1)


def apply(
  network: resnet_v2.ResNetV2,
  params: Mapping[str, Any],
  images: jax.Array,
  class_index: int | jax.Array | None = None,
  *,
  method: Method = 'gradcam',
) -> jax.Array:
  """Returns `[N, S, S]`: the maps of `cam` at the resolution of the images.

  Images are `[N, S, S, 1 or 3]` float in [-1, 1]; where `class_index` is None,
  each map is of the class that is predicted.
  """
  return logits_and_maps(network, params, images, class_index, method=method)[1]


@functools.partial(jax.jit, static_argnames=('network', 'method'))
def logits_and_maps(
  network: resnet_v2.ResNetV2,
  params: Mapping[str, Any],
  images: jax.Array,
  class_index: int | jax.Array | None = None,
  *,
  method: Method = 'gradcam',
) -> tuple[jax.Array, jax.Array]:
  """Returns logits `[N, C]`, and the maps of `apply` with these arguments."""
  logits, intermediates = network.apply({'params': params}, images)
  if class_index is None:
    class_index = jnp.argmax(logits, axis=1)
  maps = cam(
    intermediates['feature_map'],
    params['head']['kernel'],
    class_index,
    size=images.shape[1:3],
    method=method,
  )
  return logits, maps


def check_class_index(
  class_index: int | Sequence[int] | np.ndarray,
  *,
  num_images: int,
  num_classes: int,
) -> np.ndarray:
  """Returns `[N]` int32; raises ValueError unless each is a class."""
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
  """Returns `[N]` float64: the share of each map's sum that lies in its box.

  NaN for a map that is zero everywhere.

  Args:
    maps: `[N, height, width]`, not negative.
    boxes: `[N, 4]`, xmin, ymin, xmax, ymax in pixels, the ends exclusive.

  Raises:
    ValueError: a shape is not as it should be, or a box is not in the map.
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
  network: resnet_v2.ResNetV2,
  params: Mapping[str, Any],
  images: np.ndarray,
  class_index: int | Sequence[int] | np.ndarray,
  *,
  method: Method = 'gradcam',
  seed: int = 0,
) -> dict[str, np.ndarray]:
  """Returns how like the original map is, `[N]` float64 by stage, from 'none'.

  The sanity check of Adebayo et al. (2018): from the head down to the root,
  the parameters of one stage after the other are randomized, and stay so. A
  map that survives this does not show what the network has learnt.

  The values of each array are shuffled: every layer keeps its distribution, and
  no initial value has to be chosen, which for the head would be zero.

  Likeness is Spearman's rank correlation over the pixels, about 0 for unrelated
  maps; SSIM hangs on a window and finds any maps alike where both are flat. A
  map that has become zero everywhere: 0; an original one that is so: NaN.

  Args:
    network: what the parameters are of.
    params: parameter tree; it is left as it is.
    images: `[N, S, S, 1 or 3]` float in [-1, 1], all of them at once.
    class_index: of the maps, one for all or one for each; at every stage the
      same.
    method: one of `METHODS`.
    seed: of the shuffling; the same seed gives the same numbers. One shuffle
      moves all maps alike, so that several seeds say more than many images.

  Raises:
    ValueError: there is no such class or method.
  """
  classes = check_class_index(
    class_index, num_images=len(images), num_classes=network.num_classes
  )
  images = jnp.asarray(images, jnp.float32)
  generator = np.random.default_rng(seed)
  # On the device, to which each stage is then sent once.
  params = jax.device_put(dict(params))
  original = _centered_ranks(
    apply(network, params, images, classes, method=method)
  )
  similarity = {'none': _correlation(original, original)}
  for stage, modules in _stages(params).items():
    for name in modules:
      values = jax.device_get(params[name])
      params[name] = jax.device_put(jax.tree.map(generator.permuted, values))
    maps = apply(network, params, images, classes, method=method)
    similarity[stage] = _correlation(original, _centered_ranks(maps))
  return similarity


def _stages(params: Mapping[str, Any]) -> dict[str, list[str]]:
  """Returns the modules to randomize by stage, from the head to the root."""
  blocks = sorted((name for name in params if 'block' in name), reverse=True)
  stages = {name: [name] for name in ['head', *blocks, 'root']}
  stages[blocks[0]] = ['norm', blocks[0]]
  return stages


def _correlation(x: np.ndarray, y: np.ndarray) -> np.ndarray:
  """Returns `[N]`, Pearson's correlation of centered rows `[N, K]`.

  Of ranks, it is Spearman's of what they are of.
  """
  scale = np.sqrt((x * x).sum(axis=1) * (y * y).sum(axis=1))
  correlation = (x * y).sum(axis=1) / np.where(scale > 0, scale, 1)
  return np.where(x.any(axis=1), correlation, np.nan)


def _centered_ranks(maps: np.ndarray | jax.Array) -> np.ndarray:
  """Returns the ranks of the pixels of each map less their mean, `[N, K]`."""
  # Pixels of one value, as the zeros of ReLU, share their mean rank.
  pixels = np.asarray(maps).reshape(len(maps), -1)
  ranks = pd.DataFrame(pixels.T).rank().to_numpy().T
  return ranks - ranks.mean(axis=1, keepdims=True)
