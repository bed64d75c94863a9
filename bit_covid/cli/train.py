# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The command `bit-covid train`: trains, evaluates and writes the report.

train.train_and_report(config, 'runs/bit_m')
"""

from collections.abc import Callable, Mapping
import contextlib
import os
from typing import Any

from etils import epath
import jax
import ml_collections
import numpy as np

from bit_covid import report
from bit_covid.base import progress
from bit_covid.training import mlflow_mirror
from bit_covid.training import run_directory
from bit_covid.training import run_lock
from bit_covid.training import train
import input_pipeline


@run_lock.locks_workdir
def train_and_report(
  config: ml_collections.ConfigDict,
  workdir: str | os.PathLike[str],
  *,
  max_minutes: float = 0,
  debug_nans: bool = False,
  mlflow: str = '',
) -> Mapping[str, Any]:
  """Returns the metrics of each final split, after training and reporting.

  Arguments and errors are those of `training.train.train_and_evaluate`. A
  report is written if the config's field `report` is True.

  Args:
    config: see `configs/common.py`.
    workdir: a folder.
    max_minutes: time limit of the training; 0: none.
    debug_nans: name the layer in which numbers are NaN or infinite first.
    mlflow: address of an MLflow server for the measurements; '': none.
  """
  is_first = jax.process_index() == 0
  mirror = contextlib.nullcontext()
  if mlflow and is_first:
    mirror = mlflow_mirror.Mirror(mlflow, workdir)
  with mirror:
    metrics, splits = train.train_and_evaluate(
      config, workdir, max_minutes=max_minutes, debug_nans=debug_nans
    )
  # Only the first host writes files.
  if is_first:
    folder = epath.Path(workdir).absolute()
    if metrics and config.report:
      images = _image_reader(splits[config.final_splits[-1]])
      path = report.write_report(folder, images=images)
      progress.say(f'Report: {progress.format_path(path)}')
    run_directory.mark_finished(folder)
  return metrics


def _image_reader(
  examples: input_pipeline.Examples,
) -> Callable[[str], np.ndarray | None]:
  """Returns a function from a slice_id to its image, uint8 `[H, W]`.

  It returns None for a slice of another split.
  """
  index = {name: i for i, name in enumerate(examples.slice_id.tolist())}
  return lambda name: examples.image(index[name]) if name in index else None
