# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""From an encoded slice to what the network sees, as uint8.

The paper's section "Hyperparameter settings for training": for training crop to
the box, resize to R x R, crop C x C at random, flip at random; for testing crop
to the box and resize straight to C x C.
"""

import tensorflow as tf

from input_pipeline import body_crop

BOXES = ('annotated', 'automatic', 'none')


def check_box_mode(mode: str) -> None:
  """Raises ValueError unless it is one of `BOXES`."""
  if mode not in BOXES:
    raise ValueError(
      f'config.data.box is {mode!r}; expected one of {", ".join(BOXES)}.'
    )


def decode(encoded: tf.Tensor) -> tf.Tensor:
  """Returns the gray image `[H, W, 1]` uint8 in a PNG or JPEG."""
  image = tf.io.decode_image(encoded, channels=1, expand_animations=False)
  image.set_shape((None, None, 1))
  return image


def crop_to_box(image: tf.Tensor, box: tf.Tensor, *, mode: str) -> tf.Tensor:
  """Returns the part of the image that lies in its box.

  Args:
    image: `[H, W, 1]` uint8.
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
    box = tf.numpy_function(
      lambda x: body_crop.body_box(x[..., 0]), [image], tf.int32
    )
    box.set_shape((4,))
  xmin, ymin, xmax, ymax = tf.unstack(box)
  return image[ymin:ymax, xmin:xmax]


def resize(image: tf.Tensor, size: int, *, antialias: bool) -> tf.Tensor:
  """Returns the image at `size` x `size`, uint8, bilinear; aspect is ignored.

  BiT goes on in float32 from here; rounding to uint8 moves a pixel by half a
  gray value at most and makes what crosses to the device a quarter as large.
  """
  image = tf.image.resize(
    image, (size, size), method='bilinear', antialias=antialias
  )
  return tf.cast(tf.round(tf.clip_by_value(image, 0, 255)), tf.uint8)


def augment(image: tf.Tensor, *, crop: int, seed: tf.Tensor) -> tf.Tensor:
  """Returns a random `crop` x `crop` part, flipped left to right or not.

  BiT's pipeline calls `tf.image.flip_left_right`, which flips every image; the
  paper says "random horizontal flips", and so it is here.

  Args:
    image: `[R, R, 1]` uint8 with R >= crop.
    crop: side of the result in pixels.
    seed: int64 `[2]`; the same seed gives the same crop and flip.
  """
  crop_seed, flip_seed = tf.unstack(tf.random.split(seed, 2))
  image = tf.image.stateless_random_crop(image, (crop, crop, 1), crop_seed)
  return tf.image.stateless_random_flip_left_right(image, flip_seed)
