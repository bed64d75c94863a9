# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""From files on disk to batches: what the rest of the project uses of it.

    dataset = input_pipeline.get_dataset(config, 'train')
    for batch in dataset.take(1):

The same in two steps, which give the table of the split as well:

    examples = input_pipeline.load_split(config.data, 'train')
    dataset = input_pipeline.train_batches(examples, config.data, ...)

This package uses TensorFlow and never JAX.
"""

from collections.abc import Sequence
import os
import types

# Set before TensorFlow is loaded, which would log every GPU it cannot use.
os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')

# pylint: disable=wrong-import-position
import ml_collections
import tensorflow as tf

# Accelerators are hidden before TensorFlow uses them: it would reserve their
# memory, which JAX needs.
for _kind in ('GPU', 'TPU'):
  tf.config.set_visible_devices([], _kind)

from input_pipeline import custom_images  # noqa: E402
from input_pipeline import data_source  # noqa: E402
from input_pipeline import folds  # noqa: E402
from input_pipeline import left_out  # noqa: E402
from input_pipeline import tfds_examples  # noqa: E402
from input_pipeline.batches import Batch  # noqa: E402
from input_pipeline.batches import as_numpy  # noqa: E402
from input_pipeline.batches import evaluation_batches  # noqa: E402
from input_pipeline.batches import train_batches  # noqa: E402
from input_pipeline.data_checks import check_boxes  # noqa: E402
from input_pipeline.data_checks import check_config  # noqa: E402
from input_pipeline.data_checks import check_evaluation  # noqa: E402
from input_pipeline.data_checks import check_training  # noqa: E402
from input_pipeline.examples import Examples  # noqa: E402
from input_pipeline.examples import ImageError  # noqa: E402

__all__ = [
  'Batch',
  'Examples',
  'ImageError',
  'as_numpy',
  'check_boxes',
  'check_config',
  'check_evaluation',
  'check_training',
  'evaluation_batches',
  'get_dataset',
  'load_all_splits',
  'load_split',
  'load_splits',
  'train_batches',
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

  `batches` documents their shapes and dtypes. For training the dataset is an
  endless stream of batches of `config.batch` slices. Otherwise it holds every
  slice once and in order, in batches of `config.eval_batch` slices.

  Args:
    config: a whole config; see `configs/common.py`.
    split: as for `load_split`.
    training: whether the batches are for training; None: if the split is
      'train'.
    first_step: step of the first training batch.
    host: index of this host, which gets its share of each batch.
    num_hosts: number of hosts.
  """
  examples = load_split(config.data, split)
  hosts = {'host': host, 'num_hosts': num_hosts}
  if training is None:
    training = split == 'train'
  if not training:
    return evaluation_batches(
      examples, config.data, batch=config.eval_batch, **hosts
    )
  return train_batches(
    examples,
    config.data,
    batch=config.batch,
    seed=config.seed,
    first_step=first_step,
    **hosts,
  )


def load_split(config: ml_collections.ConfigDict, split: str) -> Examples:
  """Returns a split of the data set that a config names.

  Train and val lack the patients whom the config leaves out; see `left_out`.

  Args:
    config: the field `data` of a config.
    split: 'train', 'val' or 'test', or another split of the user's images.

  Raises:
    FileNotFoundError: a file or folder does not exist.
    ValueError: there is no such data set or split, or its files are invalid.
  """
  return load_splits(config, [split])[split]


def load_splits(
  config: ml_collections.ConfigDict, names: Sequence[str]
) -> dict[str, Examples]:
  """Returns splits by name; arguments and errors are those of `load_split`."""
  source, reader = _source_and_reader(config)
  if config.get('fold'):
    fold, count = config.fold
    splits = reader.load_all(source)
    splits = folds.select(splits, names, fold=fold, count=count)
  else:
    splits = {name: reader.load(source, name) for name in names}
  return {x: left_out.remaining(splits[x], x, config) for x in splits}


def load_all_splits(config: ml_collections.ConfigDict) -> dict[str, Examples]:
  """Returns all splits of the data set that a config names, for an audit.

  Arguments and errors are those of `load_split`, except that a patient of the
  user's own images may be in several splits.
  """
  source, reader = _source_and_reader(config)
  splits = reader.load_all(source)
  return {x: left_out.remaining(splits[x], x, config) for x in splits}


def _source_and_reader(
  config: ml_collections.ConfigDict,
) -> tuple[data_source.DataSource, types.ModuleType]:
  check_config(config)
  source = data_source.DataSource.from_config(config)
  is_custom = source.name == data_source.CUSTOM_IMAGES
  if is_custom and not source.path.strip():
    raise ValueError(
      'config.data.path is empty; name the folder or the CSV of your images.'
    )
  return source, custom_images if is_custom else tfds_examples
