# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The splits of the data that a training needs, loaded and checked."""

import jax
from jax.experimental import multihost_utils
import ml_collections

import input_pipeline


def load(
  config: ml_collections.ConfigDict,
) -> dict[str, input_pipeline.Examples]:
  """Returns the splits that a training needs, by name; 'train' is the first.

  Raises:
    ValueError: the data set or a split does not exist, is damaged, or does not
      fit the config.
  """
  evaluated = list(config.final_splits)
  if config.eval_every:
    evaluated.append(config.eval_split)
  if jax.process_index():
    # The first host prepares a data set; the others find it on a shared disk.
    multihost_utils.sync_global_devices('data are prepared')
  names = list(dict.fromkeys(['train', *evaluated]))
  splits = input_pipeline.load_splits(config.data, names)
  if jax.process_index() == 0 and jax.process_count() > 1:
    multihost_utils.sync_global_devices('data are prepared')
  input_pipeline.check_training(splits['train'], config.data)
  input_pipeline.check_boxes(splits['train'], config.data)
  for name in evaluated:
    input_pipeline.check_evaluation(splits[name], config.data)
  return splits
