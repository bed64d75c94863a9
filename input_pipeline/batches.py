# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""From `Examples` to a `tf.data.Dataset` of batches.

A batch is `image` uint8 `[B, S, S, 1]`, `label` int32 `[B]`, `mask` bool `[B]`
(False for the padding of the last evaluation batch) and `index` int64 `[B]`,
the position in the split. B is this host's share of the global batch.

For each example a plan is made first: its index, where it is cropped and
whether it is flipped. The image depends on nothing but its plan, so neither the
number of threads nor that of hosts nor a restart changes a batch.
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
from input_pipeline import preprocessing
from input_pipeline import sampling
from input_pipeline import threads

Batch = dict[str, np.ndarray]

# A call of `tf.numpy_function` costs a tenth of the time that an image takes.
# Up to this many images share a call; more make it no faster.
_MAX_IMAGES_PER_CALL = 8

# Finds the message of a ValueError from `tf.numpy_function` in TensorFlow's.
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
  """Returns shuffled, randomly cropped and flipped batches for training.

  Args:
    examples: the training split.
    config: the field `data` of a config.
    batch: examples per step, over all hosts.
    seed: seed of the order and of the augmentation.
    first_step: step of the first batch. A late step takes no longer to reach.
    end_step: the step before which the batches end; None for an endless stream.
    host: index of this host.
    num_hosts: number of hosts.

  Returns:
    A dataset of one batch per step, as described at the top of this file.

  Raises:
    ValueError: the config asks for annotated boxes that are missing, its sizes
      do not fit the slices or each other, a class has too few slices, or the
      batch cannot be divided among the hosts.
  """
  data_checks.check_boxes(examples, config)
  data_checks.check_sizes(examples, config)
  settings = preprocessing.Preprocessing.from_config(config)
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
    top, left, flip = sampling.draw_crop_and_flip(
      sampling.example_seed(position, seed=seed),
      size=settings.resize,
      crop=settings.crop,
    )
    return {
      'index': index,
      'mask': tf.constant(True),
      'top': top,
      'left': left,
      'flip': flip,
    }

  return _batches(
    examples,
    settings,
    plan,
    size=settings.resize,
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
  """Returns batches that hold every example once, in the order of the split.

  The last batch is filled with padding, and all hosts get the same number of
  batches. Arguments and errors are those of `train_batches`; of the config only
  `box`, `crop` and `antialias` are read.
  """
  data_checks.check_evaluation(examples, config)
  settings = preprocessing.Preprocessing.from_config(config)
  count = len(examples)

  def plan(position: tf.Tensor) -> dict[str, tf.Tensor]:
    return {
      # Padding repeats the last example, with a mask of False.
      'index': tf.minimum(position, count - 1),
      'mask': position < count,
      'top': tf.constant(0),
      'left': tf.constant(0),
      'flip': tf.constant(False),
    }

  return _batches(
    examples,
    settings,
    plan,
    size=settings.crop,
    steps=(0, -(-count // batch)),
    batch=batch,
    host=host,
    num_hosts=num_hosts,
  )


def _batches(
  examples: examples_lib.Examples,
  settings: preprocessing.Preprocessing,
  plan: Callable[[tf.Tensor], dict[str, tf.Tensor]],
  *,
  size: int,
  steps: tuple[int, int | None],
  batch: int,
  host: int,
  num_hosts: int,
) -> tf.data.Dataset:
  """Returns this host's batches of the examples that `plan` describes.

  Args:
    examples: the split.
    settings: how slices are cropped and resized.
    plan: a function from a position to the `index` and `mask` of an example
      and the `top`, `left` and `flip` of its crop.
    size: side in pixels to which slices are resized before that crop.
    steps: the first step and the end, exclusive; None for no end.
    batch: examples per step, over all hosts.
    host: index of this host.
    num_hosts: number of hosts.
  """
  if batch % num_hosts:
    raise ValueError(
      f'The batch of {batch} cannot be divided by {num_hosts} hosts. Choose a '
      'batch that is a multiple of the number of hosts.'
    )
  host_batch = batch // num_hosts
  labels = tf.constant(examples.label, tf.int32)
  first, end = steps
  if end is None:
    end = tf.int64.max // batch  # No run gets there.
  # A call loads part of a batch. With a whole batch per call, a host with 96
  # cores would hold as many batches in memory. All calls together load two
  # batches, or one image each if batches are small. There are more calls than
  # cores so that no core is idle while a slow call delays the ones after it.
  calls = 2 * threads.num_threads()
  images_per_call = min(max(2 * host_batch // calls, 1), _MAX_IMAGES_PER_CALL)
  load = _image_loader(examples, settings, size=size)

  def add_images(plans: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    image = tf.numpy_function(
      load, [plans[key] for key in ('index', 'top', 'left', 'flip')], tf.uint8
    )
    image.set_shape((None, settings.crop, settings.crop, 1))
    return {
      'image': image,
      'label': tf.gather(labels, plans['index']),
      'mask': plans['mask'],
      'index': plans['index'],
    }

  dataset = tf.data.Dataset.range(first * batch, end * batch)
  # Each host reads its own share of every batch.
  dataset = dataset.batch(host_batch).shard(num_hosts, host).unbatch()
  # Plans are cheap to prefetch: a few numbers per example.
  dataset = dataset.map(plan).batch(images_per_call).prefetch(calls)
  dataset = dataset.map(
    add_images, num_parallel_calls=calls, deterministic=True
  )
  dataset = dataset.rebatch(host_batch, drop_remainder=True).prefetch(1)
  options = tf.data.Options()
  # Nothing here is tuned at run time, and an iterator that is closed would wait
  # for the tuning thread.
  options.autotune.enabled = False
  return dataset.with_options(options)


def _image_loader(
  examples: examples_lib.Examples,
  settings: preprocessing.Preprocessing,
  *,
  size: int,
) -> Callable[..., np.ndarray]:
  """Returns a function that loads the images of n plans.

  Its arguments are arrays `[n]`, its result is `[n, crop, crop, 1]` uint8. It
  uses OpenCV and not TensorFlow, which takes more than 1.5 times as long for
  the same work: `benchmarks.input_pipeline` measures both.
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


def as_numpy(dataset: tf.data.Dataset) -> Iterator[Batch]:
  """Yields the batches of a dataset as read-only NumPy arrays.

  Loading stops when the iterator is closed or deleted.

  Raises:
    ValueError: an image cannot be read. The message names its slice.
  """
  # Looked up before the first batch: when Python exits, the module may be gone.
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
  """Deletes the iterators that are still alive when Python exits.

  An iterator can be alive because a variable holds it, or the traceback of an
  error in a loop over a dataset. Python would delete it while shutting down and
  wait for TensorFlow's threads, which in turn wait for Python to load an image.
  """
  iterator = tf.data.Iterator
  for found in gc.get_objects():
    # Faster than `isinstance`, as there are hundreds of thousands of objects.
    if iterator in type(found).__mro__:
      vars(found).clear()
