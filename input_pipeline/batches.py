# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""From `Examples` to a `tf.data.Dataset` of batches.

A batch is `image` uint8 `[B, S, S, 1]`, `label` int32 `[B]`, `mask` bool `[B]`
(False for the padding of the last evaluation batch) and `index` int64 `[B]`,
the position in the split. B is this host's share of the global batch.

For each example a plan is made first: its index, where it is cropped, whether
it is flipped, and the numbers drawn for its augmentation. The image depends on
nothing but its plan, so neither the number of threads nor that of hosts nor a
restart changes a batch.
"""

import atexit
from collections.abc import Iterator, Mapping
import functools
import gc
import re

import ml_collections
import numpy as np

from input_pipeline import augmentation
from input_pipeline import data_checks
from input_pipeline import examples as examples_lib
from input_pipeline import order_and_augmentation
from input_pipeline import preprocess
from input_pipeline import threads
from input_pipeline.quiet_tensorflow import tf

Batch = dict[str, np.ndarray]

# A call of `tf.numpy_function` costs a tenth of the time that an image takes.
# Up to this many images share a call; more make it no faster.
_MAX_IMAGES_PER_CALL = 8

# Finds the message of an ImageError from `tf.numpy_function` in TensorFlow's.
_IMAGE_ERROR = re.compile(r'ImageError: (.*?)\nTraceback \(', re.DOTALL)


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

  `config` is the field `data`, and `seed` that of the order and augmentation.
  The host gets its share of `batch` examples per step. The batches begin at
  `first_step`, which takes no longer for a late step, and end before
  `end_step`, or never if it is None. A ValueError says what does not fit.
  """
  data_checks.check_boxes(examples, config)
  data_checks.check_sizes(examples, config)
  settings = preprocess.Preprocessing.from_config(config)
  changes = augmentation.Augmentation.from_config(config)
  chosen = np.arange(len(examples))
  if config.per_class:
    chosen = examples_lib.few_shot_indices(
      examples, per_class=config.per_class, by=config.per_class_by, seed=seed
    )
  plan = functools.partial(
    order_and_augmentation.training_plan,
    chosen=tf.constant(chosen, tf.int64),
    settings=settings,
    seed=seed,
    num_draws=changes.num_draws,
  )
  if end_step is None:
    end_step = tf.int64.max // batch  # No run gets there.
  steps = range(first_step, end_step)
  positions = _positions(steps, batch, host=host, num_hosts=num_hosts)
  return _batches(
    positions.map(plan),
    examples,
    settings,
    settings.resize,
    batch // num_hosts,
    changes,
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
  settings = preprocess.Preprocessing.from_config(config)
  count = len(examples)
  plan = functools.partial(order_and_augmentation.evaluation_plan, count=count)
  steps = range(-(-count // batch))
  positions = _positions(steps, batch, host=host, num_hosts=num_hosts)
  return _batches(
    positions.map(plan), examples, settings, settings.crop, batch // num_hosts
  )


def _positions(
  steps: range, batch: int, *, host: int, num_hosts: int
) -> tf.data.Dataset:
  # The positions of this host's share of each batch, one after the other.
  if batch % num_hosts:
    raise ValueError(
      f'The batch of {batch} cannot be divided by {num_hosts} hosts. Choose a '
      'batch that is a multiple of the number of hosts.'
    )
  positions = tf.data.Dataset.range(steps.start * batch, steps.stop * batch)
  return positions.batch(batch // num_hosts).shard(num_hosts, host).unbatch()


def _load_images(
  examples: examples_lib.Examples,
  settings: preprocess.Preprocessing,
  size: int,
  changes: augmentation.Augmentation,
  index: np.ndarray,
  top: np.ndarray,
  left: np.ndarray,
  flip: np.ndarray,
  draws: np.ndarray,
) -> np.ndarray:
  """Returns slices resized to `size`, then cropped: `[n, crop, crop, 1]`."""
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
    image = augmentation.before_crop(image[..., 0], draws[i], changes)
    part = preprocess.crop_at(
      image, top=top[i], left=left[i], crop=crop, flip=flip[i]
    )
    out[..., 0] = augmentation.after_crop(part, draws[i], changes)
  return images


def _batches(
  plans: tf.data.Dataset,
  examples: examples_lib.Examples,
  settings: preprocess.Preprocessing,
  size: int,
  host_batch: int,
  changes: augmentation.Augmentation = augmentation.NONE,
) -> tf.data.Dataset:
  """Returns batches of planned slices, resized to `size` and then cropped."""
  labels = tf.constant(examples.label, tf.int32)
  # A call loads part of a batch. With a whole batch per call, a host with 96
  # cores would hold as many batches in memory. All calls together load two
  # batches, or one image each if batches are small. There are more calls than
  # cores so that no core is idle while a slow call delays the ones after it.
  calls = 2 * threads.num_threads()
  images_per_call = min(max(2 * host_batch // calls, 1), _MAX_IMAGES_PER_CALL)
  load = functools.partial(_load_images, examples, settings, size, changes)

  # It would write temporary files, which stay if the process is killed.
  @tf.autograph.experimental.do_not_convert
  def add_images(plan: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    keys = ('index', 'top', 'left', 'flip', 'draws')
    arguments = [plan[key] for key in keys]
    image = tf.numpy_function(load, arguments, tf.uint8)
    image.set_shape((None, settings.crop, settings.crop, 1))
    return {
      'image': image,
      'label': tf.gather(labels, plan['index']),
      'mask': plan['mask'],
      'index': plan['index'],
    }

  # Plans are cheap to prefetch: a few numbers per example.
  dataset = plans.batch(images_per_call).prefetch(calls)
  dataset = dataset.map(
    add_images, num_parallel_calls=calls, deterministic=True
  )
  dataset = dataset.rebatch(host_batch, drop_remainder=True).prefetch(1)
  options = tf.data.Options()
  # Nothing here is tuned at run time, and an iterator that is closed would wait
  # for the tuning thread.
  options.autotune.enabled = False
  return dataset.with_options(options)


def as_numpy(dataset: tf.data.Dataset) -> Iterator[Batch]:
  """Yields the batches of a dataset as read-only NumPy arrays.

  Loading stops when the iterator is closed or deleted.

  Raises:
    ImageError: an image cannot be read. The message names its slice.
  """
  # Looked up before the first batch: when Python exits, the module may be gone.
  invalid = tf.errors.InvalidArgumentError
  try:
    yield from dataset.as_numpy_iterator()
  except invalid as error:
    found = _IMAGE_ERROR.search(error.message)
    if found is None:
      raise
    raise examples_lib.ImageError(found[1]) from None


@atexit.register
def _end_iterators() -> None:
  """Deletes the iterators that are still alive when Python exits."""
  # A variable may hold an iterator, or the traceback of an error in a loop over
  # a dataset. Python would delete it while shutting down and wait for
  # TensorFlow's threads, which in turn wait for Python to load an image.
  iterator = tf.data.Iterator
  for found in gc.get_objects():
    # Faster than `isinstance`, as there are hundreds of thousands of objects.
    if iterator in type(found).__mro__:
      vars(found).clear()
