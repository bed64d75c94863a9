# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""From `Examples` to a `tf.data.Dataset` of batches.

A batch is `image` uint8 `[B, S, S, 1]`, `label` int32 `[B]`, `mask` bool `[B]`
(False: padding of the last evaluation batch) and `index` int64 `[B]`, the
position in the split. B is this host's part of the global batch.

First comes a plan for each example: which one it is, where it is cropped and
whether it is flipped. The plan alone decides what an image looks like, so that
neither threads nor hosts nor a restart change a batch.
"""

import atexit
from collections.abc import Callable, Iterator, Mapping
import gc
import re

import ml_collections
import numpy as np
import tensorflow as tf

from input_pipeline import data_checks
from input_pipeline import examples as examples_lib
from input_pipeline import preprocess
from input_pipeline import sampling
from input_pipeline import threads

Batch = dict[str, np.ndarray]

# A call of `tf.numpy_function` takes a tenth of the time of an image, which so
# many images share. More of them to a call make it no faster.
_MOST_IMAGES_A_CALL = 8

# What TensorFlow makes of a ValueError in `tf.numpy_function`.
_VALUE_ERROR = re.compile(r'ValueError: (.*?)\nTraceback \(', re.DOTALL)


def train_batches(
  examples: examples_lib.Examples,
  config: ml_collections.ConfigDict,
  *,
  batch: int,
  seed: int,
  first_step: int = 0,
  end_step: int | None = None,
  host: int = 0,
  num_hosts: int = 1,
) -> tf.data.Dataset:
  """Returns the batches of the steps from `first_step` to before `end_step`.

  Args:
    examples: the training split.
    config: the field `data` of a config.
    batch: examples a step over all hosts.
    seed: of order and augmentation.
    first_step: any; it costs no time to begin late.
    end_step: exclusive; None: the stream is endless.
    host: number of this host.
    num_hosts: how many there are.

  Raises:
    ValueError: the boxes are asked for and missing, or sizes do not fit.
  """
  data_checks.check_boxes(examples, config)
  data_checks.check_sizes(config)
  data_checks.check_preparation(examples, config, 'resize')
  chosen = np.arange(len(examples))
  if config.per_class:
    chosen = examples_lib.few_shot_indices(
      examples, per_class=config.per_class, by=config.per_class_by, seed=seed
    )
  chosen = tf.constant(chosen, tf.int64)

  def plan(position: tf.Tensor) -> dict[str, tf.Tensor]:
    index = chosen[
      sampling.shuffled_index(position, num_examples=chosen.shape[0], seed=seed)
    ]
    top, left, flip = sampling.crop_and_flip(
      sampling.example_seed(position, seed=seed),
      size=config.resize,
      crop=config.crop,
    )
    mask = tf.constant(True)
    return {
      'index': index,
      'mask': mask,
      'top': top,
      'left': left,
      'flip': flip,
    }

  return _batches(
    examples,
    config,
    plan,
    size=config.resize,
    steps=(first_step, end_step),
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
) -> tf.data.Dataset:
  """Returns every example once, in order, the last batch filled with padding.

  All hosts get the same number of batches. Arguments and errors are those of
  `train_batches`.
  """
  data_checks.check_evaluation(examples, config)
  count = len(examples)

  def plan(position: tf.Tensor) -> dict[str, tf.Tensor]:
    return {
      # Padding repeats the last example; the mask says that it does not count.
      'index': tf.minimum(position, count - 1),
      'mask': position < count,
      'top': tf.constant(0),
      'left': tf.constant(0),
      'flip': tf.constant(False),
    }

  return _batches(
    examples,
    config,
    plan,
    size=config.crop,
    steps=(0, -(-count // batch)),
    batch=batch,
    host=host,
    num_hosts=num_hosts,
  )


def _batches(
  examples: examples_lib.Examples,
  config: ml_collections.ConfigDict,
  plan: Callable[[tf.Tensor], dict[str, tf.Tensor]],
  *,
  size: int,
  steps: tuple[int, int | None],
  batch: int,
  host: int,
  num_hosts: int,
) -> tf.data.Dataset:
  """Returns a host's batches of planned examples, resized to `size` first."""
  if batch % num_hosts:
    raise ValueError(
      f'The batch of {batch} does not divide by {num_hosts} hosts.'
    )
  host_batch = batch // num_hosts
  # Images are loaded later: what the caller changes by then shall not count.
  config = ml_collections.FrozenConfigDict(config)
  labels = tf.constant(examples.label, tf.int32)
  first, end = steps
  if end is None:
    end = tf.int64.max // batch  # Nobody gets there.
  # A call loads a part of a batch: with a batch to a call, a host with 96 cores
  # would have as many batches in memory. All calls together load two batches,
  # or an image each where batches are small. There are more calls than cores so
  # that no core is idle while a late call holds up the order.
  calls = 2 * threads.num_threads()
  images_a_call = min(max(2 * host_batch // calls, 1), _MOST_IMAGES_A_CALL)

  def load(
    index: np.ndarray, top: np.ndarray, left: np.ndarray, flip: np.ndarray
  ) -> np.ndarray:
    images = np.empty((len(index), config.crop, config.crop, 1), np.uint8)
    for i, out in enumerate(images):
      image = preprocess.crop_to_box(
        examples.image(index[i]), examples.box[index[i]], mode=config.box
      )
      image = preprocess.resize(image, size, antialias=config.antialias)
      out[..., 0] = preprocess.crop_at(
        image, top=top[i], left=left[i], crop=config.crop, flip=flip[i]
      )
    return images

  def add_images(plans: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    # OpenCV and not TensorFlow, which takes more than 1.5 times as long for the
    # same work: `benchmarks.input_pipeline` measures both.
    image = tf.numpy_function(
      load, [plans[key] for key in ('index', 'top', 'left', 'flip')], tf.uint8
    )
    image.set_shape((None, config.crop, config.crop, 1))
    return {
      'image': image,
      'label': tf.gather(labels, plans['index']),
      'mask': plans['mask'],
      'index': plans['index'],
    }

  dataset = tf.data.Dataset.range(first * batch, end * batch)
  # Each host has its own part of every batch.
  dataset = dataset.batch(host_batch).shard(num_hosts, host).unbatch()
  # Plans are cheap: a few numbers for each example.
  dataset = dataset.map(plan).batch(images_a_call).prefetch(calls)
  dataset = dataset.map(
    add_images, num_parallel_calls=calls, deterministic=True
  )
  dataset = dataset.rebatch(host_batch, drop_remainder=True).prefetch(1)
  options = tf.data.Options()
  # There is nothing left to tune while it runs, and an iterator that ends would
  # wait for the thread that tunes.
  options.autotune.enabled = False
  return dataset.with_options(options)


def as_numpy(dataset: tf.data.Dataset) -> Iterator[Batch]:
  """Yields the batches of a dataset as NumPy arrays that are read-only.

  Nothing is loaded any more once the iterator is closed or gone.

  Raises:
    ValueError: an image cannot be read; the message names its slice.
  """
  # Looked up now: when Python exits, there may be no module any more.
  invalid = tf.errors.InvalidArgumentError
  try:
    yield from dataset.as_numpy_iterator()
  except invalid as error:
    found = _VALUE_ERROR.search(error.message)
    if found is None:
      raise
    raise ValueError(found[1]) from None


@atexit.register
def _end_iterators() -> None:
  """Ends the iterators that are still alive when Python exits.

  An error in a loop over a dataset keeps its iterator alive. Python would then
  wait for TensorFlow's threads, and those for Python to load an image.
  """
  iterator = tf.data.Iterator
  for found in gc.get_objects():
    # Faster than `isinstance`, as there are hundreds of thousands of objects.
    if iterator in type(found).__mro__:
      vars(found).clear()
