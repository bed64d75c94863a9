# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""From the config of a data set to its splits and their batches."""

from collections.abc import Mapping, Sequence
import types

import ml_collections

from input_pipeline import batches
from input_pipeline import custom_images
from input_pipeline import data_checks
from input_pipeline import data_source
from input_pipeline import examples as examples_lib
from input_pipeline import folds
from input_pipeline import left_out
from input_pipeline import pretext
from input_pipeline import sars_cov_2_ct
from input_pipeline import tfds_examples
from input_pipeline.quiet_tensorflow import tf

# Of the data sets whose images stay where they are.
_READERS_OF_FILES: Mapping[str, types.ModuleType] = types.MappingProxyType(
  {
    data_source.CUSTOM_IMAGES: custom_images,
    sars_cov_2_ct.NAME: sars_cov_2_ct,
  }
)


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
    return batches.evaluation_batches(
      examples, config.data, batch=config.eval_batch, **hosts
    )
  return batches.train_batches(
    examples,
    config.data,
    batch=config.batch,
    seed=config.seed,
    first_step=first_step,
    **hosts,
  )


def load_split(
  config: ml_collections.ConfigDict, split: str
) -> examples_lib.Examples:
  """Returns a split of the data set that a config names.

  Train and val lack the patients whom the config leaves out; see `left_out`.
  The labels are those of the task of the config; see `pretext`.

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
) -> dict[str, examples_lib.Examples]:
  """Returns splits by name; arguments and errors are those of `load_split`."""
  source, reader = _source_and_reader(config)
  if config.get('fold'):
    fold, count = config.fold
    splits = reader.load_all(source)
    splits = folds.select(splits, names, fold=fold, count=count)
  else:
    splits = {name: reader.load(source, name) for name in names}
  task = config.get('task', pretext.CLASSES)
  return {
    x: pretext.restate(left_out.remaining(splits[x], x, config), task)
    for x in splits
  }


def load_all_splits(
  config: ml_collections.ConfigDict,
) -> dict[str, examples_lib.Examples]:
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
  data_checks.check_config(config)
  source = data_source.DataSource.from_config(config)
  reader = _READERS_OF_FILES.get(source.name, tfds_examples)
  if reader is not tfds_examples and not source.path.strip():
    raise ValueError(
      'config.data.path is empty; name the folder or the CSV of your images.'
    )
  return source, reader
