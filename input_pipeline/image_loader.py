# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Loads the images of a batch: decoded, cropped and resized by OpenCV.

TensorFlow's own functions take more than 1.5 times as long for the same work;
`benchmarks.input_pipeline` measures both.
"""

from collections.abc import Callable

import numpy as np

from input_pipeline import examples as examples_lib
from input_pipeline import preprocess
from input_pipeline import preprocessing


def make_loader(
  examples: examples_lib.Examples,
  settings: preprocessing.Preprocessing,
  *,
  size: int,
) -> Callable[..., np.ndarray]:
  """Returns a function from n indices and crops to `[n, crop, crop, 1]` uint8.

  Args:
    examples: the split.
    settings: how slices are cropped to their box and resized.
    size: side in pixels to which slices are resized.

  Returns:
    A function of the indices in the split, of the top and the left of the crops
    and of whether to flip them, each an array `[n]`.
  """

  def load(
    index: np.ndarray, top: np.ndarray, left: np.ndarray, flip: np.ndarray
  ) -> np.ndarray:
    crop = settings.crop
    images = np.empty((len(index), crop, crop, 1), np.uint8)
    for i, out in enumerate(images):
      image = preprocess.prepare(
        examples.image(index[i]),
        examples.box[index[i]],
        size,
        antialias=settings.antialias,
        mode=settings.box,
      )
      out[..., 0] = preprocess.crop_at(
        image[..., 0], top=top[i], left=left[i], crop=crop, flip=flip[i]
      )
    return images

  return load
