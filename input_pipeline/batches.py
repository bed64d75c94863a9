# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""tf.data pipelines from `Examples` to batches of NumPy arrays.

A batch is `image` uint8 `[B, S, S, 1]`, `label` int32 `[B]`, `mask` bool `[B]`
(False: padding of the last evaluation batch) and `index` int64 `[B]`, the
position in the split. B is this host's part of the global batch.
"""

from collections.abc import Iterator
import functools

import ml_collections
import numpy as np
import tensorflow as tf

from input_pipeline import examples as examples_lib
from input_pipeline import preprocess
from input_pipeline import sampling

Batch = dict[str, np.ndarray]


def check_boxes(
  examples: examples_lib.Examples, config: ml_collections.ConfigDict
) -> None:
  """Raises ValueError unless the split has the boxes that the config asks for.

  Args:
    examples: any split.
    config: the field `data` of a config.
  """
  preprocess.check_box_mode(config.box)
  without_box = np.flatnonzero(~examples.box.any(axis=1))
  if config.box == 'annotated' and without_box.size:
    raise ValueError(
      f"config.data.box is 'annotated', but {without_box.size} of "
      f'{len(examples)} slices have no box, such as '
      f"{str(examples.slice_id[without_box[0]])!r}. Set it to 'automatic' "
      "(found in the image) or 'none' (no crop)."
    )


def check_training(
  examples: examples_lib.Examples, config: ml_collections.ConfigDict
) -> None:
  """Raises ValueError unless the split can be trained on with the config.

  Args:
    examples: the training split.
    config: the field `data` of a config.
  """
  _check_sizes(config)
  counts = np.bincount(examples.label, minlength=len(examples.class_names))
  by_class = dict(zip(examples.class_names, counts.tolist(), strict=True))
  if len(by_class) < 2 or not counts.all():
    raise ValueError(
      f'The training split has {by_class} slices; expected two classes or '
      'more, each of them with slices.'
    )
  if config.per_class_by not in examples_lib.PER_CLASS_BY:
    raise ValueError(
      f'config.data.per_class_by is {config.per_class_by!r}; expected one of '
      f'{", ".join(examples_lib.PER_CLASS_BY)}.'
    )
  if counts.min() < config.per_class:
    raise ValueError(
      f'config.data.per_class={config.per_class}, but the training split has '
      f'{by_class} slices.'
    )


def train_batches(
  examples: examples_lib.Examples,
  config: ml_collections.ConfigDict,
  *,
  batch: int,
  seed: int,
  first_step: int,
  last_step: int,
  host: int = 0,
  num_hosts: int = 1,
) -> Iterator[Batch]:
  """Yields the batches of the steps from `first_step` to before `last_step`.

  Args:
    examples: the training split.
    config: the field `data` of a config.
    batch: examples a step over all hosts.
    seed: of order and augmentation.
    first_step: any; it costs no time to begin late.
    last_step: end, exclusive.
    host: number of this host.
    num_hosts: how many there are.

  Raises:
    ValueError: the boxes are asked for and missing, or sizes do not fit.
  """
  _check_hosts(batch, num_hosts)
  check_boxes(examples, config)
  _check_sizes(config)
  chosen = np.arange(len(examples))
  if config.per_class:
    chosen = examples_lib.few_shot_indices(
      examples, per_class=config.per_class, by=config.per_class_by, seed=seed
    )
  load = _loader(examples, config)
  chosen = tf.constant(chosen, tf.int64)

  def load_position(position: tf.Tensor) -> dict[str, tf.Tensor]:
    index = chosen[
      sampling.shuffled_index(position, num_examples=chosen.shape[0], seed=seed)
    ]
    example = load(index, size=config.resize)
    example['image'] = preprocess.augment(
      example['image'],
      crop=config.crop,
      seed=sampling.example_seed(position, seed=seed),
    )
    return example | {'mask': True, 'index': index}

  return _batches(
    load_position,
    tf.data.Dataset.range(first_step, last_step),
    batch=batch,
    host=host,
    num_hosts=num_hosts,
  )


def evaluation_batches(
  examples: examples_lib.Examples,
  config: ml_collections.ConfigDict,
  *,
  batch: int,
  host: int = 0,
  num_hosts: int = 1,
) -> Iterator[Batch]:
  """Yields every example once, in order, the last batch filled with padding.

  All hosts get the same number of batches. Arguments and errors are those of
  `train_batches`.
  """
  _check_hosts(batch, num_hosts)
  check_boxes(examples, config)
  load = _loader(examples, config)

  def load_position(position: tf.Tensor) -> dict[str, tf.Tensor]:
    # Padding repeats the last example; the mask says that it does not count.
    index = tf.minimum(position, len(examples) - 1)
    example = load(index, size=config.crop)
    return example | {'mask': position < len(examples), 'index': index}

  steps = -(-len(examples) // batch)
  return _batches(
    load_position,
    tf.data.Dataset.range(steps),
    batch=batch,
    host=host,
    num_hosts=num_hosts,
  )


def _check_sizes(config: ml_collections.ConfigDict) -> None:
  if config.resize < config.crop:
    raise ValueError(
      f'config.data.resize={config.resize} is smaller than '
      f'config.data.crop={config.crop}; expected at least the crop.'
    )


def _check_hosts(batch: int, num_hosts: int) -> None:
  if batch % num_hosts:
    raise ValueError(
      f'The batch of {batch} does not divide by {num_hosts} hosts.'
    )


def _loader(examples: examples_lib.Examples, config: ml_collections.ConfigDict):
  """Returns a function from an index to image at `size` x `size` and label."""
  boxes = tf.constant(examples.box, tf.int32)
  labels = tf.constant(examples.label, tf.int32)

  def load(index: tf.Tensor, *, size: int) -> dict[str, tf.Tensor]:
    encoded = tf.numpy_function(
      examples.read, [index], tf.string, stateful=False
    )
    image = preprocess.decode(tf.ensure_shape(encoded, ()))
    image = preprocess.crop_to_box(image, boxes[index], mode=config.box)
    image = preprocess.resize(image, size, antialias=config.antialias)
    return {'image': image, 'label': labels[index]}

  return load


def _batches(
  load_position,
  steps: tf.data.Dataset,
  *,
  batch: int,
  host: int,
  num_hosts: int,
) -> Iterator[Batch]:
  positions = functools.partial(
    sampling.host_positions, batch=batch, host=host, num_hosts=num_hosts
  )
  dataset = steps.map(positions).unbatch()
  dataset = dataset.map(
    load_position, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
  )
  dataset = dataset.batch(batch // num_hosts, drop_remainder=True)
  return dataset.prefetch(2).as_numpy_iterator()
