# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A split of another data set in the classes that it shares with a network."""

import dataclasses

import numpy as np

from bit_covid.analysis import class_mapping
import input_pipeline


def restated(
  examples: input_pipeline.Examples, mapping: class_mapping.ClassMapping
) -> input_pipeline.Examples:
  """Returns the split with the common classes, without what is left out.

  Raises:
    ValueError: no slice is left.
  """
  is_known = examples.label >= 0
  label = np.where(is_known, mapping.of_data[examples.label], -1)
  is_kept = ~is_known | (label >= 0)
  if not is_kept.any():
    raise ValueError(
      f'All {len(examples):,} slices are left out by --map; leave it, or give '
      'some of their classes one of the network.'
    )
  if not is_kept.all():
    examples, label = examples.take(np.flatnonzero(is_kept)), label[is_kept]
  return dataclasses.replace(
    examples, class_names=mapping.names, label=label.astype(np.int32)
  )
