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

from etils import epy

# Loaded when they are first used, as most of the package needs no TensorFlow.
with epy.lazy_api_imports(globals()):
  from input_pipeline.batches import Batch
  from input_pipeline.batches import as_numpy
  from input_pipeline.batches import evaluation_batches
  from input_pipeline.batches import train_batches
  from input_pipeline.data_checks import check_boxes
  from input_pipeline.data_checks import check_config
  from input_pipeline.data_checks import check_evaluation
  from input_pipeline.data_checks import check_training
  from input_pipeline.dataset import get_dataset
  from input_pipeline.dataset import load_all_splits
  from input_pipeline.dataset import load_split
  from input_pipeline.dataset import load_splits
  from input_pipeline.examples import Examples
  from input_pipeline.examples import ImageError

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
