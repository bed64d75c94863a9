# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""From an encoded slice to the network's input, as 8-bit gray values.

As the paper says in "Hyperparameter settings for training": a training slice is
cropped to its box and resized to R x R; then a random C x C part is taken and
flipped at random. A test slice is cropped to its box and resized straight to
C x C. `Preprocessing` holds these settings.

OpenCV decodes and resizes because it is more than 1.5 times as fast as
TensorFlow (`benchmarks.input_pipeline` measures both). In 0.04 % of the pixels
the result differs from TensorFlow's by one gray value: TensorFlow computes
positions in float32, OpenCV in float64.
"""

from collections.abc import Mapping
import contextlib
import dataclasses
from typing import Any

import cv2
import numpy as np
from PIL import Image

from input_pipeline import body_crop
from input_pipeline import gray_png

# What a slice can be cropped to before it is resized.
BOXES = ('annotated', 'automatic', 'none')

# Many threads load images at once, one image each. Threads of OpenCV's own
# would compete with them for the cores.
cv2.setNumThreads(1)


@dataclasses.dataclass(frozen=True)
class Preprocessing:
  """How a gray slice becomes an input of the network.

  Attributes:
    box: 'annotated' crops to the box of the data set, 'automatic' to the body
      that `body_crop` finds, 'none' not at all.
    resize: side in pixels to which a training slice is resized, before a random
      part of it is taken.
    crop: side in pixels of that part, and of the network's input. Slices are
      resized straight to it for evaluation.
    antialias: whether a low-pass filter is applied when an image shrinks.
  """

  box: str
  resize: int
  crop: int
  antialias: bool

  def __post_init__(self) -> None:
    check_box_mode(self.box)

  @classmethod
  def from_config(cls, config: Mapping[str, Any]) -> 'Preprocessing':
    """Returns the settings in the field `data` of a config.

    Args:
      config: the field `data`, or a checkpoint's `preprocessing`. `resize` may
        be missing if it is used for evaluation only; it is then `crop`.
    """
    return cls(
      box=config['box'],
      resize=config.get('resize', config['crop']),
      crop=config['crop'],
      antialias=config['antialias'],
    )


def check_box_mode(mode: str) -> None:
  """Checks the name of a way to crop slices.

  Raises:
    ValueError: it is not one of `BOXES`.
  """
  if mode not in BOXES:
    raise ValueError(
      f'config.data.box is {mode!r}; expected one of {", ".join(BOXES)}.'
    )


def decode(encoded: bytes) -> np.ndarray:
  """Returns the gray image `[H, W]` uint8 in a PNG or JPEG.

  Raises:
    ValueError: the bytes do not hold a whole image.
  """
  problem = gray_png.size_problem(encoded)
  image = None
  if encoded and not problem:
    encoded_gray = np.frombuffer(gray_png.inflated(encoded), np.uint8)
    # The orientation in a photograph's EXIF data is ignored.
    flags = cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION
    with contextlib.suppress(cv2.error):  # Such as a JPEG that is too large.
      image = cv2.imdecode(encoded_gray, flags)
  if image is None:
    problem = problem or 'it is damaged or of another kind'
    raise ValueError(
      f'{len(encoded)} bytes that are no whole PNG or JPEG image: {problem}. '
      'The file has changed since it was checked; restore it.'
    )
  return image


def crop_to_box(
  image: np.ndarray, box: np.ndarray | None, *, mode: str
) -> np.ndarray:
  """Returns a view of the part of the image that lies in its box.

  Args:
    image: `[H, W]` uint8.
    box: int32 `[4]` xmin, ymin, xmax, ymax in pixels, end exclusive. Only read
      in the mode 'annotated'.
    mode: one of `BOXES`, as the attribute `Preprocessing.box`.
  """
  check_box_mode(mode)
  if mode == 'none':
    return image
  if mode == 'automatic':
    box = body_crop.body_box(image)
  xmin, ymin, xmax, ymax = box
  return image[ymin:ymax, xmin:xmax]


def resize(image: np.ndarray, size: int, *, antialias: bool) -> np.ndarray:
  """Returns the image as `[size, size]` uint8, interpolated bilinearly.

  The aspect ratio is not kept. BiT keeps float32 from here on; rounding to
  uint8 changes a pixel by at most half a gray value, and a quarter of the bytes
  goes to the device. `antialias` filters an image that shrinks.
  """
  if image.shape == (size, size):
    return image
  if antialias:
    # OpenCV has no such filter. Of a float32 image, Pillow's is that of
    # TensorFlow.
    gray = Image.fromarray(image.astype(np.float32))
    resized = np.asarray(gray.resize((size, size), Image.Resampling.BILINEAR))
  else:
    # For 16-bit images OpenCV works in float32 and rounds once, at the end. For
    # 8-bit images it works in steps of 1/2048, which changes one pixel in eight
    # by a gray value.
    resized = cv2.resize(
      image.astype(np.uint16), (size, size), interpolation=cv2.INTER_LINEAR
    )
  # Rounds to the nearest value, ties to even. No value is negative.
  return cv2.convertScaleAbs(resized)


def prepare(
  gray: np.ndarray,
  box: np.ndarray | None,
  size: int,
  *,
  antialias: bool,
  mode: str = 'annotated',
) -> np.ndarray:
  """Returns a slice cropped to its box and resized, `[size, size, 1]` uint8.

  With the `crop` of a `Preprocessing` as size this is the network's input in
  an evaluation. In training `size` is its `resize`, and `crop_at` follows. The
  other arguments are those of `crop_to_box`, where a box of None stands for the
  whole slice, and of `resize`.
  """
  if box is None and mode == 'annotated':
    mode = 'none'
  cropped = crop_to_box(gray, box, mode=mode)
  return resize(cropped, size, antialias=antialias)[..., np.newaxis]


def crop_at(
  image: np.ndarray, *, top: int, left: int, crop: int, flip: bool
) -> np.ndarray:
  """Returns a part of the image, flipped from left to right if asked to.

  BiT's pipeline calls `tf.image.flip_left_right`, which flips every image. The
  paper says "random horizontal flips", so the caller draws `flip` at random.
  `top` and `left` are the part's first row and column, `crop` is its side.
  """
  part = image[top : top + crop, left : left + crop]
  # Four times as fast as copying a view with negative strides.
  return cv2.flip(part, 1) if flip else part
