# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""From `Examples` to batches of NumPy arrays.

A batch is `image` uint8 `[B, S, S, 1]`, `label` int32 `[B]`, `mask` bool `[B]`
(False: padding of the last evaluation batch) and `index` int64 `[B]`, the
position in the split. B is this host's part of the global batch.
"""

from collections.abc import Iterable, Iterator
import functools

import ml_collections
import numpy as np
import tensorflow as tf

from input_pipeline import assembly
from input_pipeline import data_checks
from input_pipeline import examples as examples_lib
from input_pipeline import preprocess
from input_pipeline import sampling

Batch = dict[str, np.ndarray]

# Of a few numbers for each example.
_PLANS_AHEAD = 8


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
    return {'index': index, 'top': top, 'left': left, 'flip': flip}

  positions = functools.partial(
    sampling.host_positions, batch=batch, host=host, num_hosts=num_hosts
  )
  plans = tf.data.Dataset.range(first_step, last_step).map(positions)
  plans = plans.unbatch().map(plan).batch(batch // num_hosts)
  return _batches(
    examples,
    config,
    plans.prefetch(_PLANS_AHEAD).as_numpy_iterator(),
    size=config.resize,
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
  data_checks.check_evaluation(examples, config)
  first = batch // num_hosts * host
  steps = -(-len(examples) // batch)
  positions = (
    step * batch + first + np.arange(batch // num_hosts)
    for step in range(steps)
  )
  # Padding repeats the last example; the mask says that it does not count.
  plans = (
    {
      'index': np.minimum(position, len(examples) - 1),
      'mask': position < len(examples),
    }
    for position in positions
  )
  return _batches(examples, config, plans, size=config.crop)


def _check_hosts(batch: int, num_hosts: int) -> None:
  if batch % num_hosts:
    raise ValueError(
      f'The batch of {batch} does not divide by {num_hosts} hosts.'
    )


def _batches(
  examples: examples_lib.Examples,
  config: ml_collections.ConfigDict,
  plans: Iterable[assembly.Plan],
  *,
  size: int,
) -> Iterator[Batch]:
  """Yields the batches of plans, whose images are resized to `size` first."""

  def load(plan: assembly.Plan, i: int, out: np.ndarray) -> None:
    index = plan['index'][i]
    image = preprocess.crop_to_box(
      examples.image(index), examples.box[index], mode=config.box
    )
    image = preprocess.resize(image, size, antialias=config.antialias)
    if 'top' in plan:
      image = preprocess.crop_at(
        image,
        top=plan['top'][i],
        left=plan['left'][i],
        crop=config.crop,
        flip=plan['flip'][i],
      )
    out[..., 0] = image

  shape = (config.crop, config.crop, 1)
  for plan, images in assembly.assemble(plans, load, shape=shape):
    index = plan['index']
    yield {
      'image': images,
      'label': examples.label[index],
      'mask': plan.get('mask', np.ones(len(index), bool)),
      'index': index,
    }
