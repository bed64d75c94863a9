# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""From files on disk to batches: what the rest of the project asks for data.

    dataset = input_pipeline.get_dataset(config, 'train')
    for batch in dataset.take(1):

The same in two steps, for those who need the table of the split as well:

    examples = input_pipeline.load_split(config.data, 'train')
    dataset = input_pipeline.train_batches(examples, config.data, ...)

Knows TensorFlow, never JAX.
"""

import os

# Before TensorFlow is loaded: it would tell of every GPU that it cannot use.
os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')

# pylint: disable=wrong-import-position
import ml_collections
import tensorflow as tf

# Before TensorFlow takes a look at them: it would reserve the memory of the
# accelerators, which are JAX's.
for _kind in ('GPU', 'TPU'):
  tf.config.set_visible_devices([], _kind)

from input_pipeline import image_folder  # noqa: E402
from input_pipeline import tfds_examples  # noqa: E402
from input_pipeline.batches import Batch  # noqa: E402
from input_pipeline.batches import as_numpy  # noqa: E402
from input_pipeline.batches import evaluation_batches  # noqa: E402
from input_pipeline.batches import train_batches  # noqa: E402
from input_pipeline.data_checks import check_boxes  # noqa: E402
from input_pipeline.data_checks import check_evaluation  # noqa: E402
from input_pipeline.data_checks import check_training  # noqa: E402
from input_pipeline.examples import Examples  # noqa: E402
from input_pipeline.image_folder import find_images  # noqa: E402
from input_pipeline.image_folder import unlabelled  # noqa: E402

__all__ = [
  'Batch',
  'Examples',
  'as_numpy',
  'check_boxes',
  'check_evaluation',
  'check_training',
  'evaluation_batches',
  'find_images',
  'get_dataset',
  'load_all_splits',
  'load_split',
  'train_batches',
  'unlabelled',
]


def get_dataset(
  config: ml_collections.ConfigDict,
  split: str,
  *,
  training: bool | None = None,
  first_step: int = 0,
  host: int = 0,
  num_hosts: int = 1,
) -> tf.data.Dataset:
  """Returns batches of a split: `image`, `label`, `mask` and `index`.

  For training an endless stream of `config.batch` slices a step, shuffled,
  cropped and flipped at random; else every slice once and in order,
  `config.eval_batch` a step, the last batch filled with padding that the mask
  leaves out. Shapes and dtypes are those of `batches`.

  Args:
    config: a whole config; see `configs/common.py`.
    split: 'train', 'val' or 'test', or what else the user's images have.
    training: None: only of the split 'train'.
    first_step: where training begins; it costs no time to begin late.
    host: number of this host, which gets its part of each batch.
    num_hosts: how many there are.

  Raises:
    ValueError: as for `load_split`, or the data do not fit the config.
  """
  examples = load_split(config.data, split)
  if split == 'train' if training is None else training:
    return train_batches(
      examples,
      config.data,
      batch=config.batch,
      seed=config.seed,
      first_step=first_step,
      host=host,
      num_hosts=num_hosts,
    )
  return evaluation_batches(
    examples,
    config.data,
    batch=config.eval_batch,
    host=host,
    num_hosts=num_hosts,
  )


def load_split(config: ml_collections.ConfigDict, split: str) -> Examples:
  """Returns a split of the data set that a config names.

  Args:
    config: the field `data` of a config.
    split: 'train', 'val' or 'test', or what else the user's images have.

  Raises:
    ValueError: there is no such data set or split, or the data are not as they
      should be; see the modules for each.
  """
  if config.name == 'image_folder':
    return image_folder.load(
      config.path,
      split,
      range_16bit=config.range_16bit,
      window=tuple(config.window) or None,
    )
  return tfds_examples.load(
    config.name,
    split,
    path=config.path,
    data_dir=config.data_dir,
    image_folder=config.image_folder,
  )


def load_all_splits(config: ml_collections.ConfigDict) -> dict[str, Examples]:
  """Returns every split of the data set that a config names, for an audit.

  Raises:
    ValueError: as for `load_split`; of the user's own images, a patient in
      several splits is let through.
  """
  if config.name == 'image_folder':
    return image_folder.load_all(config.path, range_16bit=config.range_16bit)
  return tfds_examples.load_all(
    config.name,
    path=config.path,
    data_dir=config.data_dir,
    image_folder=config.image_folder,
  )
