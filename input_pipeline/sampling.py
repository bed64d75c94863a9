# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Which example comes when: a pure function of the seed and the position.

Training draws from an endless stream. Position p of it belongs to epoch p // N
and is example `shuffle(p % N)` under the epoch's own permutation. So there is
no shuffle buffer to fill and no iterator to save: a run goes on at step s by
asking for position s * batch, and any number of hosts shares the same stream.
"""

import tensorflow as tf


def shuffled_index(
  position: tf.Tensor, *, num_examples: int, seed: int
) -> tf.Tensor:
  """Returns the example at a position of the training stream, int64 scalar."""
  epoch = position // num_examples
  return tf.random.experimental.index_shuffle(
    position % num_examples,
    seed=tf.stack([tf.constant(seed, tf.int64), epoch]),
    max_index=num_examples - 1,
  )


def example_seed(position: tf.Tensor, *, seed: int) -> tf.Tensor:
  """Returns the seed of one example's augmentation, int64 `[2]`.

  By position and not by example: the next epoch crops the slice elsewhere.
  """
  return tf.stack([tf.constant(seed, tf.int64), position])


def crop_and_flip(
  seed: tf.Tensor, *, size: int, crop: int
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
  """Returns top and left of a random crop, int32, and whether to flip, bool.

  The draws of `tf.image.stateless_random_crop` and `_flip_left_right` under the
  two halves of the seed, without their images.

  Args:
    seed: int64 `[2]`; the same seed gives the same crop and flip.
    size: side of the image.
    crop: side of the part, `size` at most.
  """
  crop_seed, flip_seed = tf.unstack(tf.random.split(seed, 2))
  # Three of them, as the image has rows, columns and a channel.
  offsets = tf.random.stateless_uniform(
    (3,), crop_seed, maxval=tf.int32.max, dtype=tf.int32
  )
  top, left, _ = tf.unstack(offsets % (size - crop + 1))
  return top, left, tf.random.stateless_uniform((), flip_seed) < 0.5
