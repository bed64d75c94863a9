# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Grad-CAM maps of all classes, from the pass that gives the logits.

These maps are as small as the last feature map, so that those of a whole scan
can be kept; only a map that is looked at is enlarged. `enlarge` gives the map
that `gradcam.cam` computes at full size.
"""

from collections.abc import Mapping
import functools
from typing import Any

import jax
import numpy as np
from PIL import Image

from bit_covid.models import ensemble
from bit_covid.models import gradcam


@functools.partial(jax.jit, static_argnames='model')
def apply(
  model: ensemble.Model,
  params: Mapping[str, Any],
  images: jax.Array,
) -> tuple[jax.Array, jax.Array, jax.Array]:
  """Returns logits, features and the small Grad-CAM maps of all classes.

  The logits are `[N, C]` float32, the features, which the head takes, `[N, F]`
  float32, and the maps `[N, C, h, w]` float32 in [0, 1].

  Args:
    model: one network, or several, whose maps are averaged.
    params: its parameter tree.
    images: `[N, S, S, 1 or 3]` float in [-1, 1].
  """
  logits, each = ensemble.apply_each(model, params, images)
  maps = [
    gradcam.normalize(gradcam.weighted_maps(x.feature_map, x.head_kernel))
    for x in each
  ]
  joined = maps[0]
  if len(maps) > 1:
    joined = gradcam.normalize(ensemble.mean_map(maps, each))
  return logits, each[0].features, joined


def enlarge(small: np.ndarray, size: tuple[int, int]) -> np.ndarray:
  """Returns a map of `apply` at the size of its image, with largest value 1.

  Resized bilinearly, with half-pixel centers. A map without a positive value
  stays zero.

  Args:
    small: `[h, w]` float32.
    size: height and width in pixels, no smaller than those of the map.
  """
  height, width = size
  enlarged = np.asarray(
    Image.fromarray(small).resize((width, height), Image.Resampling.BILINEAR)
  )
  # The largest value of the small map lies between pixels of the large one.
  largest = enlarged.max()
  return enlarged / largest if largest > 0 else enlarged
