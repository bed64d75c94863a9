# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""How much room the files of a run take, asked before the run begins."""

from collections.abc import Mapping
import os
import types

from etils import epath
import ml_collections

from bit_covid.base import checksums
from bit_covid.base import disk
from bit_covid.models import resnet_v2
from bit_covid.training import best
from bit_covid.training import optimizer
import input_pipeline

_FLOAT32 = 4
# Two are kept, and a third is there while it is written.
_CHECKPOINTS = 3
# Of a row of a predictions table, and of its slice_id beside the features.
_ROW_BYTES = 500
# Report, Grad-CAM maps and logs, of which the pictures are most.
_OTHER_BYTES = 10 * 2**20


def check(
  config: ml_collections.ConfigDict,
  workdir: epath.Path,
  splits: Mapping[str, input_pipeline.Examples] = types.MappingProxyType({}),
) -> None:
  """Checks that a run has room on the disk of its work directory.

  What an earlier start of the run has written counts as room, as it is written
  over. Folders on an object store are not checked.

  Args:
    config: of the run.
    workdir: need not exist.
    splits: of the run. Before they are loaded, checkpoints and model alone are
      counted, with a head of one class.

  Raises:
    OSError: it has no room (ENOSPC).
  """
  if '://' in os.fspath(workdir):
    return
  there = 0
  if workdir.exists():
    there = sum(x.stat().length for x in checksums.files_in(workdir))
  disk.check_room(workdir, estimate(config, splits) - there)


def estimate(
  config: ml_collections.ConfigDict,
  splits: Mapping[str, input_pipeline.Examples],
) -> int:
  """Returns the bytes of all files of a run, if need be rounded up."""
  num_classes = len(splits['train'].class_names) if splits else 1
  network = resnet_v2.create(config.model.name, num_classes=num_classes)
  count = resnet_v2.parameter_count(resnet_v2.parameter_shapes(network))
  moments = optimizer.NUM_MOMENTS[config.optimizer]
  arrays = _CHECKPOINTS * (1 + moments) * count + count
  if config.keep != best.LAST:
    arrays += _CHECKPOINTS * count
  rows = sum(len(splits[x]) for x in config.final_splits) if splits else 0
  features = resnet_v2.MODELS[config.model.name].num_features
  arrays += rows * features
  # What tells scans unlike the training: means and a square matrix.
  arrays += (num_classes + features) * features
  return _FLOAT32 * arrays + _ROW_BYTES * rows + _OTHER_BYTES
