# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Grad-CAM of every class, from the pass that gives the logits.

    logits, small = class_maps.apply(network, params, images)
    heat = class_maps.enlarge(small[0, 2], (480, 480))  # [480, 480] in [0, 1]

A map has as few values as the last feature map, so those of a whole scan are
kept; only one that is looked at is enlarged. `enlarge` gives what `gradcam.cam`
gives at once.
"""

from collections.abc import Mapping
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from bit_covid.models import gradcam
from bit_covid.models import resnet_v2


@functools.partial(jax.jit, static_argnames='network')
def apply(
  network: resnet_v2.ResNetV2,
  params: Mapping[str, Any],
  images: jax.Array,
) -> tuple[jax.Array, jax.Array]:
  """Returns logits `[N, C]` and maps `[N, C, h, w]` in [0, 1].

  Images are `[N, S, S, 1 or 3]` float in [-1, 1].
  """
  logits, intermediates = network.apply({'params': params}, images)
  feature_map = intermediates['feature_map']
  of_class = functools.partial(
    gradcam.cam,
    feature_map,
    params['head']['kernel'],
    size=feature_map.shape[1:3],
  )
  classes = jnp.arange(network.num_classes)
  return logits, jax.vmap(of_class, out_axes=1)(classes)


def enlarge(small: np.ndarray, size: tuple[int, int]) -> np.ndarray:
  """Returns a map at the size of its image, the largest value 1.

  Bilinear with half-pixel centers; one without a positive value stays zero.

  Args:
    small: `[h, w]` float32, of `apply`.
    size: height and width, no smaller than those of the map.
  """
  height, width = size
  enlarged = np.asarray(
    Image.fromarray(small).resize((width, height), Image.Resampling.BILINEAR)
  )
  # The largest value of the small map lies between pixels of the large one.
  largest = enlarged.max()
  return enlarged / largest if largest > 0 else enlarged
