# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Changes of training slices beyond crop and flip. BiT has none of them.

All are off unless the config asks for them. Numbers are drawn for each slice of
each epoch from the seed of its position, like its crop
(`order_and_augmentation`); here they become changes of its gray values.
"""

from collections.abc import Mapping
import dataclasses
from typing import Any

import cv2
import numpy as np

# Uniform numbers in [0, 1) for a slice: rotation, contrast, brightness, whether
# to cover a rectangle, its height, width, top and left, and its gray value.
_NUM_DRAWS = 9
_MIDDLE = 127.5


@dataclasses.dataclass(frozen=True)
class Augmentation:
  """How far training slices are changed at most; 0 everywhere: not at all.

  Attributes:
    rotation: degrees, to either side.
    contrast: the factor of the distance from middle gray lies between
      `1 - contrast` and `1 + contrast`.
    brightness: part of the range from black to white that is added or
      subtracted.
    erase: side of a rectangle, as a part of that of the slice, that one gray
      value covers in half of the slices.
  """

  rotation: float = 0.0
  contrast: float = 0.0
  brightness: float = 0.0
  erase: float = 0.0

  @classmethod
  def from_config(cls, config: Mapping[str, Any]) -> 'Augmentation':
    """Returns the settings in the field `data` of a config."""
    names = [field.name for field in dataclasses.fields(cls)]
    return cls(**{name: config.get(name, 0.0) for name in names})

  @property
  def num_draws(self) -> int:
    """How many uniform numbers a slice needs."""
    return _NUM_DRAWS if any(dataclasses.astuple(self)) else 0


NONE = Augmentation()


def before_crop(
  image: np.ndarray, draws: np.ndarray, settings: Augmentation
) -> np.ndarray:
  """Returns a slice that is turned about its center.

  This comes before the crop, so that most of what lies outside the slice, for
  which it is mirrored at its border, is cut off.

  Args:
    image: `[S, S]` uint8.
    draws: `[settings.num_draws]` float32 in [0, 1).
    settings: the largest changes.
  """
  if not draws.size or not settings.rotation:
    return image
  degrees = settings.rotation * (2 * draws[0] - 1)
  center = (np.array(image.shape[::-1]) - 1) / 2
  matrix = cv2.getRotationMatrix2D(center, float(degrees), 1)
  return cv2.warpAffine(
    image,
    matrix,
    image.shape[::-1],
    flags=cv2.INTER_LINEAR,
    borderMode=cv2.BORDER_REFLECT_101,
  )


def after_crop(
  image: np.ndarray, draws: np.ndarray, settings: Augmentation
) -> np.ndarray:
  """Returns a slice under another window, with a rectangle of it covered.

  Contrast and brightness are what another width and center of the window of
  Hounsfield units change, except that black and white stay clipped. Arguments
  are those of `before_crop`.
  """
  if not draws.size:
    return image
  if settings.contrast or settings.brightness:
    factor = 1 + settings.contrast * (2 * draws[1] - 1)
    shift = 255 * settings.brightness * (2 * draws[2] - 1)
    levels = factor * (np.arange(256) - _MIDDLE) + _MIDDLE + shift
    image = cv2.LUT(image, np.clip(np.rint(levels), 0, 255).astype(np.uint8))
  if settings.erase and draws[3] < 0.5:
    image = image.copy()
    sides = np.array(image.shape)
    height, width = np.rint(sides * settings.erase * draws[4:6]).astype(int)
    top, left = (draws[6:8] * (sides - (height, width) + 1)).astype(int)
    image[top : top + height, left : left + width] = int(256 * draws[8])
  return image
