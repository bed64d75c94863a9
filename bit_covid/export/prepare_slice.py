# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Prepares image files for an exported network, without TensorFlow.

Copied beside each export together with `body_crop.py`. It needs NumPy, Pillow
and OpenCV, and gives exactly what the input pipeline gives.
"""

from collections.abc import Callable, Mapping, Sequence
import os
from typing import Any

import cv2
import numpy as np
from PIL import Image

Box = tuple[int, int, int, int] | np.ndarray


def prepare(
  paths: Sequence[str | os.PathLike[str]],
  preprocessing: Mapping[str, Any],
  *,
  boxes: Sequence[Box] | None = None,
) -> np.ndarray:
  """Returns the images of files as `[N, S, S, 1]` uint8.

  Args:
    paths: 8-bit gray PNG or JPEG files under the window of the training.
    preprocessing: the field of that name in `preprocessing.json`.
    boxes: xmin, ymin, xmax, ymax of each image, end exclusive; None: the
      automatic box, unless the training took whole images.

  Raises:
    ValueError: there are no files, or one is not 8-bit gray.
  """
  if not paths:
    raise ValueError('No image files were given; expected one or more.')
  find_box = None if preprocessing['box'] == 'none' else _body_box()
  images = []
  for i, path in enumerate(paths):
    image = read(path)
    if boxes is not None:
      xmin, ymin, xmax, ymax = boxes[i]
      image = image[ymin:ymax, xmin:xmax]
    elif find_box:
      xmin, ymin, xmax, ymax = find_box(image)
      image = image[ymin:ymax, xmin:xmax]
    image = resize(
      image, preprocessing['crop'], antialias=preprocessing['antialias']
    )
    images.append(image)
  return np.stack(images)[..., None]


def read(path: str | os.PathLike[str]) -> np.ndarray:
  """Returns the gray values in a file, `[H, W]` uint8.

  Raises:
    ValueError: the image is not 8-bit gray.
  """
  with Image.open(path) as image:
    image.draft('L', image.size)  # JPEG in colour: its luma, as TensorFlow has.
    if image.mode != 'L' or image.has_transparency_data:
      raise ValueError(
        f'{os.fspath(path)} is of the mode {image.mode}; expected 8-bit gray '
        '(L). Convert it first; bit_covid itself takes other images too.'
      )
    return np.asarray(image)


def resize(image: np.ndarray, size: int, *, antialias: bool) -> np.ndarray:
  """Returns `[H, W]` uint8 at `size` x `size`, bilinear, rounded to uint8.

  Pixels have their centers at half numbers, as in `tf.image.resize`. Most
  libraries smooth where they shrink; without `antialias` this does not.
  """
  if not antialias:
    # In 16 bits, since OpenCV rounds between the axes for 8 bits.
    resized = cv2.resize(
      image.astype(np.uint16), (size, size), interpolation=cv2.INTER_LINEAR
    )
    return resized.astype(np.uint8)
  picture = Image.fromarray(image.astype(np.float32))
  resized = picture.resize((size, size), Image.Resampling.BILINEAR)
  return np.rint(np.clip(resized, 0, 255)).astype(np.uint8)


def _body_box() -> Callable[[np.ndarray], np.ndarray]:
  """Returns `body_crop.body_box` of the copy, or else of the project."""
  try:
    # This file is copied beside an export, where the project need not be.
    import body_crop
  except ImportError:
    # Not copied: this is the project itself.
    from input_pipeline import body_crop
  return body_crop.body_box
