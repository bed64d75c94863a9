# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Whether maps survive the randomization of parameters, as they must not.

    by_stage = cascading_randomization.similarity(model, params, images, 2)

This is the sanity check of Adebayo et al. (2018): from the head down to the
root, the parameters of one stage after the other are randomized, and stay so. A
map that survives this does not show what the network has learnt.

Parameters are randomized by shuffling the values of each array: every layer
keeps its distribution, and no initial value has to be chosen, which for the
head would be zero.

Similarity is Spearman's rank correlation over the pixels, about 0 for unrelated
maps. SSIM depends on its window, and finds any two maps similar where both are
flat.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.stats

from bit_covid.models import gradcam
from bit_covid.models import resnet_v2


def similarity(
  model: resnet_v2.ResNetV2,
  params: Mapping[str, Any],
  images: np.ndarray,
  class_index: int | Sequence[int] | np.ndarray,
  *,
  seed: int = 0,
) -> dict[str, np.ndarray]:
  """Returns the similarity of each map to the original one, by stage.

  Each is `[N]` float64; the first stage, 'none', leaves the parameters as they
  are. A map that has become zero everywhere gives 0; an original map that is
  zero everywhere gives NaN.

  Args:
    model: the network.
    params: its parameter tree, which is not changed.
    images: `[N, S, S, 1 or 3]` float in [-1, 1], computed as one batch.
    class_index: the class of the maps, one for all images or one for each.
    seed: of the shuffling. One shuffle moves all maps alike, so that several
      seeds say more than many images.

  Raises:
    ValueError: a class index is not one of the network's classes.
  """
  classes = gradcam.check_class_index(
    class_index, num_images=len(images), num_classes=model.num_classes
  )
  images = jnp.asarray(images, jnp.float32)
  generator = np.random.default_rng(seed)
  # Put on the device once; afterwards only the stage that changes is sent.
  params = jax.device_put(dict(params))
  ranks = {}
  for stage, modules in _stages(params).items():
    for name in modules:
      values = jax.device_get(params[name])
      params[name] = jax.device_put(jax.tree.map(generator.permuted, values))
    _, maps = gradcam.logits_and_maps(model, params, images, classes)
    ranks[stage] = _centered_ranks(maps)
  return {x: _correlation(ranks['none'], ranks[x]) for x in ranks}


def _stages(params: Mapping[str, Any]) -> dict[str, list[str]]:
  """Returns the modules to randomize by stage, from none to the root."""
  blocks = sorted((name for name in params if 'block' in name), reverse=True)
  stages = {name: [name] for name in ['head', *blocks, 'root']}
  stages[blocks[0]] = ['norm', blocks[0]]
  return {'none': [], **stages}


def _correlation(x: np.ndarray, y: np.ndarray) -> np.ndarray:
  """Returns Pearson's correlation `[N]` of centered rows `[N, K]`."""
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
