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
import functools
import gc
import re

import ml_collections
import numpy as np
import tensorflow as tf

from input_pipeline import data_checks
from input_pipeline import examples as examples_lib
from input_pipeline import image_loader
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
  return _batches(
    examples,
    settings,
    functools.partial(
      sampling.training_plan,
      chosen=tf.constant(chosen, tf.int64),
      settings=settings,
      seed=seed,
    ),
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
  return _batches(
    examples,
    settings,
    functools.partial(sampling.evaluation_plan, count=count),
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

  `plan` is a function of the position, `size` the side to which slices are
  resized before they are cropped, `steps` the first step and the end, exclusive
  or None. The other arguments are those of `train_batches`.
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
  calls, images_per_call = _parallel_calls(host_batch)
  load = image_loader.make_loader(examples, settings, size=size)

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


def _parallel_calls(host_batch: int) -> tuple[int, int]:
  """Returns the number of parallel loading calls, and the images of each.

  A call loads part of a batch. With a whole batch per call, a host with 96
  cores would hold as many batches in memory. All calls together load two
  batches, or one image each if batches are small. There are more calls than
  cores so that no core is idle while a slow call delays the ones after it.
  """
  calls = 2 * threads.num_threads()
  return calls, min(max(2 * host_batch // calls, 1), _MAX_IMAGES_PER_CALL)


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
