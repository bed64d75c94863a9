# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A compiled function applied to any number of images, batch by batch."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

# A function of the parameters, images and further arrays of equal length.
Forward = Callable[..., tuple[jax.Array, ...]]

# Images per call, of which each needs a program of its own. A few images alone
# would wait too long in a batch of 16, most of which is padding.
_SIZES = (1, 4, 16)


def apply(
  forward: Forward,
  params: Mapping[str, Any],
  images: np.ndarray,
  *others: np.ndarray,
  num_images: int | None = None,
) -> list[np.ndarray]:
  """Returns the results of `forward(params, images, *others)`, of all images.

  Args:
    forward: called with 1, 4 or 16 images, and as many of each of the others.
      All calls have the same number, and the last batch is padded.
    params: the parameter tree.
    images: `[N, S, S, 1 or 3]` float, given to `forward` as float32.
    *others: `[N, ...]` each.
    num_images: of all calls together, if these are a part of them: it decides
      about the size of the batches, so that the last part needs no program of
      its own. None: N.
  """
  parts = []
  batch = size(len(images) if num_images is None else num_images)
  for start in range(0, len(images), batch):
    part = [array[start : start + batch] for array in (images, *others)]
    part[0] = part[0].astype(np.float32)
    outputs = forward(params, *[fill(array, batch) for array in part])
    kept = len(part[0])
    parts.append([np.asarray(x)[:kept] for x in outputs])
  return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]


def size(num_images: int) -> int:
  """Returns the number of images in each call of `apply`."""
  return next((x for x in _SIZES if x >= num_images), _SIZES[-1])


def check_images(images: np.ndarray) -> None:
  """Checks that images are `[N, S, S, 1 or 3]` float in [-1, 1].

  Raises:
    ValueError: shape, dtype or range are others.
  """
  if images.ndim != 4 or images.shape[-1] not in (1, 3) or not len(images):
    raise ValueError(
      f'Images have the shape {images.shape}; expected [N, S, S, 1] or '
      '[N, S, S, 3] with N of 1 or more.'
    )
  if not np.issubdtype(images.dtype, np.floating):
    raise ValueError(
      f'Images are {images.dtype}; expected float in [-1, 1]: '
      '(x - 127.5) / 127.5 of 8-bit gray values.'
    )
  # NaN fails this comparison too.
  if not (images.min() >= -1.001 and images.max() <= 1.001):
    raise ValueError(
      f'Images have values from {images.min()} to {images.max()}; expected '
      '[-1, 1]: (x - 127.5) / 127.5 of 8-bit gray values.'
    )


def fill(part: np.ndarray, batch: int) -> np.ndarray:
  """Returns an array `[n, ...]` padded with zeros to `[batch, ...]`."""
  return np.pad(part, [(0, batch - len(part))] + [(0, 0)] * (part.ndim - 1))
