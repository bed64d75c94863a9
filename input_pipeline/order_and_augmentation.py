# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The order and the augmentation of training, as pure functions of the seed.

Training reads an endless stream of positions. Position p belongs to epoch
p // N and holds example `shuffle(p % N)`, where each epoch has its own
permutation. There is no shuffle buffer to fill and no iterator to save: a run
resumes at step s by reading from position s * batch, and any number of hosts
reads the same stream.

AutoGraph is off, as nothing here needs it, and it would write temporary files,
which stay if the process is killed.
"""

from input_pipeline import preprocess
from input_pipeline.quiet_tensorflow import tf


def shuffled_index(
  position: tf.Tensor, *, num_examples: int, seed: int
) -> tf.Tensor:
  """Returns the index of the example at a position of the training stream.

  All are int64 scalars. The index lies between 0 and `num_examples` - 1.
  """
  epoch = position // num_examples
  return tf.random.experimental.index_shuffle(
    position % num_examples,
    seed=tf.stack([tf.constant(seed, tf.int64), epoch]),
    max_index=num_examples - 1,
  )


def example_seed(position: tf.Tensor, *, seed: int) -> tf.Tensor:
  """Returns the seed of the augmentation at a position, int64 `[2]`.

  It depends on the position and not on the example, so that each epoch crops
  and flips a slice differently.
  """
  return tf.stack([tf.constant(seed, tf.int64), position])


def draw_crop_and_flip(
  seed: tf.Tensor, *, size: int, crop: int
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
  """Draws where an image is cropped and whether it is flipped.

  The draws are those of `tf.image.stateless_random_crop` and
  `tf.image.stateless_random_flip_left_right`, whose seeds are split from
  `seed`. No image is needed for them.

  Args:
    seed: int64 `[2]`.
    size: side of the image in pixels.
    crop: side of the part in pixels, at most `size`.

  Returns:
    Top and left of the part, int32 scalars, and a bool scalar: whether to flip.
  """
  crop_seed, flip_seed = tf.unstack(tf.random.split(seed, 2))
  # TensorFlow draws an offset for rows, columns and channels.
  offsets = tf.random.stateless_uniform(
    (3,), crop_seed, maxval=tf.int32.max, dtype=tf.int32
  )
  top, left, _ = tf.unstack(offsets % (size - crop + 1))
  return top, left, tf.random.stateless_uniform((), flip_seed) < 0.5


def draw_changes(seed: tf.Tensor, *, num_draws: int) -> tf.Tensor:
  """Returns the numbers for `augmentation`, float32 `[num_draws]` in [0, 1).

  The seed, int64 `[2]`, is that of `draw_crop_and_flip`, whose draws they do
  not depend on and do not change.
  """
  own_seed = tf.random.fold_in(seed, 1)
  return tf.random.stateless_uniform((num_draws,), own_seed)


@tf.autograph.experimental.do_not_convert
def training_plan(
  position: tf.Tensor,
  *,
  chosen: tf.Tensor,
  settings: preprocess.Preprocessing,
  seed: int,
  num_draws: int = 0,
) -> dict[str, tf.Tensor]:
  """Returns the plan at a position of the training stream.

  It holds scalars: the `index` of the example, which is one of `chosen` (int64
  `[N]`), a `mask` of True, `top` and `left` of its crop and whether to `flip`;
  and the `draws` for its augmentation, float32 `[num_draws]`.
  """
  index = shuffled_index(position, num_examples=chosen.shape[0], seed=seed)
  own_seed = example_seed(position, seed=seed)
  top, left, flip = draw_crop_and_flip(
    own_seed, size=settings.resize, crop=settings.crop
  )
  return {
    'index': chosen[index],
    'mask': tf.constant(True),
    'top': top,
    'left': left,
    'flip': flip,
    'draws': draw_changes(own_seed, num_draws=num_draws),
  }


@tf.autograph.experimental.do_not_convert
def evaluation_plan(position: tf.Tensor, *, count: int) -> dict[str, tf.Tensor]:
  """Returns the plan at a position of an evaluation of `count` examples.

  It has the entries of `training_plan`, without a crop or a flip. Positions
  from `count` on are padding.
  """
  return {
    # Padding repeats the last example, with a mask of False.
    'index': tf.minimum(position, count - 1),
    'mask': position < count,
    'top': tf.constant(0),
    'left': tf.constant(0),
    'flip': tf.constant(False),
    'draws': tf.zeros((0,)),
  }
