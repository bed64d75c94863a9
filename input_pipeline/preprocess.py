# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""From an encoded slice to what the network sees, as uint8.

The paper's section "Hyperparameter settings for training": for training crop to
the box, resize to R x R, crop C x C at random, flip at random; for testing crop
to the box and resize straight to C x C.

OpenCV and not TensorFlow, because it is faster: `benchmarks.input_pipeline`
measures both. It changes 0.04 % of the pixels, by one gray value: TensorFlow
finds a pixel's place in float32, OpenCV in float64.
"""

import cv2
import numpy as np
import tensorflow as tf

from input_pipeline import body_crop
from input_pipeline import gray_png

# Images are loaded by many threads at once, each of which works on an image of
# its own. OpenCV's threads would come on top of them and wait for each other.
cv2.setNumThreads(1)

BOXES = ('annotated', 'automatic', 'none')


def check_box_mode(mode: str) -> None:
  """Raises ValueError unless it is one of `BOXES`."""
  if mode not in BOXES:
    raise ValueError(
      f'config.data.box is {mode!r}; expected one of {", ".join(BOXES)}.'
    )


def decode(encoded: bytes) -> np.ndarray:
  """Returns the gray image `[H, W]` uint8 in a PNG or JPEG.

  Raises:
    ValueError: there is no whole image in the bytes.
  """
  image = None
  if encoded:  # OpenCV's own complaint of no bytes says less.
    image = cv2.imdecode(
      np.frombuffer(gray_png.inflated(encoded), np.uint8),
      # As it is stored: a camera's note of how it was held is not looked at.
      cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION,
    )
  if image is None:
    raise ValueError(
      f'{len(encoded)} bytes that are no whole PNG or JPEG image. They have '
      'changed since they were checked; put the right ones back.'
    )
  return image


def crop_to_box(image: np.ndarray, box: np.ndarray, *, mode: str) -> np.ndarray:
  """Returns the part of the image that lies in its box, a view.

  Args:
    image: `[H, W]` uint8.
    box: int32 `[4]` xmin, ymin, xmax, ymax, end exclusive.
    mode: 'annotated': that box; 'automatic': the body's, found in the image;
      'none': the whole image.

  Raises:
    ValueError: there is no such mode.
  """
  check_box_mode(mode)
  if mode == 'none':
    return image
  if mode == 'automatic':
    box = body_crop.body_box(image)
  xmin, ymin, xmax, ymax = box
  return image[ymin:ymax, xmin:xmax]


def resize(image: np.ndarray, size: int, *, antialias: bool) -> np.ndarray:
  """Returns the image at `size` x `size`, uint8, bilinear; aspect is ignored.

  BiT goes on in float32 from here; rounding to uint8 moves a pixel by half a
  gray value at most and makes what crosses to the device a quarter as large.
  """
  if image.shape == (size, size):
    return image
  if antialias:
    # OpenCV has no such filter.
    resized = tf.image.resize(
      image[..., None], (size, size), method='bilinear', antialias=True
    ).numpy()[..., 0]
  else:
    # As 16 bits: OpenCV then works in float32 and rounds at the end, to even.
    # For 8 bits it counts in steps of 1/2048, and one pixel in eight would be
    # another gray value.
    resized = cv2.resize(
      image.astype(np.uint16), (size, size), interpolation=cv2.INTER_LINEAR
    )
  # Rounds and saturates; there is nothing negative.
  return cv2.convertScaleAbs(resized)


def prepare(
  gray: np.ndarray,
  box: np.ndarray | None,
  size: int,
  *,
  antialias: bool,
) -> np.ndarray:
  """Returns a slice as the evaluation sees it, `[size, size, 1]` uint8.

  Args:
    gray: `[H, W]` uint8.
    box: xmin, ymin, xmax, ymax, end exclusive; None: the whole slice.
    size: side in pixels.
    antialias: of `resize`.
  """
  if box is not None:
    xmin, ymin, xmax, ymax = box
    gray = gray[ymin:ymax, xmin:xmax]
  return resize(gray, size, antialias=antialias)[..., np.newaxis]


def crop_at(
  image: np.ndarray, *, top: int, left: int, crop: int, flip: bool
) -> np.ndarray:
  """Returns the `crop` x `crop` part at a place, flipped left to right or not.

  BiT's pipeline calls `tf.image.flip_left_right`, which flips every image; the
  paper says "random horizontal flips", and so it is here.
  """
  part = image[top : top + crop, left : left + crop]
  # Four times as fast as to copy a view of negative steps.
  return cv2.flip(part, 1) if flip else part
