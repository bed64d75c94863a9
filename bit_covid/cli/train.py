# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The command `bit-covid train`: trains, evaluates and writes the report.

train.train_and_report(config, 'runs/bit_m')
"""

from collections.abc import Mapping
import os
from typing import Any

from etils import epath
import jax
import ml_collections

from bit_covid import report
from bit_covid.base import progress
from bit_covid.training import run_directory
from bit_covid.training import run_lock
from bit_covid.training import train


@run_lock.locks_workdir
def train_and_report(
  config: ml_collections.ConfigDict,
  workdir: str | os.PathLike[str],
  *,
  max_minutes: float = 0,
  debug_nans: bool = False,
) -> Mapping[str, Any]:
  """Returns the metrics of each final split, after training and reporting.

  Arguments and errors are those of `training.train.train_and_evaluate`. A
  report is written if the config's field `report` is True.
  """
  metrics, splits = train.train_and_evaluate(
    config, workdir, max_minutes=max_minutes, debug_nans=debug_nans
  )
  # Only the first host writes files.
  if jax.process_index() == 0:
    folder = epath.Path(workdir).absolute()
    if metrics and config.report:
      shown = splits[config.final_splits[-1]]
      path = report.write_report(
        folder, images=run_directory.image_reader(shown)
      )
      progress.say(f'Report: {progress.format_path(path)}')
    run_directory.mark_finished(folder)
  return metrics
