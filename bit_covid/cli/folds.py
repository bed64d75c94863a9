# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The work of `bit-covid train --folds=K`: a cross-validation by patient.

Each fold is a run of its own, in `<workdir>/fold_1` and so on. Predictions on
'test' become one table of all slices, with one report, in the work directory.
"""

import hashlib
import math
import os
import pathlib
import time

from etils import epath
import jax
import ml_collections
import pandas as pd

from bit_covid import report
from bit_covid.analysis import metrics
from bit_covid.analysis import predictions
from bit_covid.analysis import terminal
from bit_covid.base import files
from bit_covid.base import progress
from bit_covid.cli import train
from bit_covid.training import run_directory
from bit_covid.training import run_identity
from bit_covid.training import run_lock
from bit_covid.training import same_run

_SPLIT = 'test'


@run_lock.locks_workdir
def train_and_report_folds(
  config: ml_collections.ConfigDict,
  workdir: str | os.PathLike[str],
  *,
  count: int,
  max_minutes: float = 0,
  debug_nans: bool = False,
  mlflow: str = '',
) -> None:
  """Trains all folds that are not finished, and writes the report of all.

  Args:
    config: of one training; its field `data.fold` is set here.
    workdir: a folder. An unfinished cross-validation of the same config in it
      goes on.
    count: number of folds.
    max_minutes: time limit of all trainings together; 0: none.
    debug_nans: as in `training.train.train_and_evaluate`.
    mlflow: as in `train.train_and_report`; each fold is a run of its own there.

  Raises:
    ValueError: the config is of one fold already or does not evaluate 'test',
      or as in `training.train.train_and_evaluate`.
    Stopped: by a signal or the time limit; the last step was saved.
  """
  _check(config, count)
  workdir = epath.Path(workdir).absolute()
  end = time.monotonic() + 60 * max_minutes if max_minutes else math.inf
  folders = []
  for fold in range(1, count + 1):
    of_fold = config.copy_and_resolve_references()
    of_fold.data.fold = (fold, count)
    folder = workdir / f'fold_{fold}'
    folders.append(folder)
    if run_directory.is_finished(folder):
      same_run.check_same_config(of_fold, folder)
      progress.say(f'Fold {fold} of {count} is finished.')
      continue
    progress.say(f'Fold {fold} of {count}:')
    minutes_left = max((end - time.monotonic()) / 60, 1e-3)
    train.train_and_report(
      of_fold,
      folder,
      max_minutes=minutes_left if max_minutes else 0,
      debug_nans=debug_nans,
      mlflow=mlflow,
    )
  if jax.process_index() == 0:
    _write_together(config, workdir, folders)


def _check(config: ml_collections.ConfigDict, count: int) -> None:
  if count < 3:
    raise ValueError(
      f'--folds={count}; expected 3 or more, as one fold is tested and one is '
      'for val.'
    )
  if config.data.fold:
    raise ValueError(
      f'config.data.fold is {tuple(config.data.fold)}, but --folds={count} '
      'makes all folds. Leave one of them out.'
    )
  if _SPLIT not in config.final_splits:
    raise ValueError(
      f'config.final_splits is {tuple(config.final_splits)}; a '
      f'cross-validation needs {_SPLIT!r} in it.'
    )


def _write_together(
  config: ml_collections.ConfigDict,
  workdir: epath.Path,
  folders: list[epath.Path],
) -> None:
  """Writes the predictions of all folds as one run, and its report."""
  tables = [
    predictions.read(pathlib.Path(x, 'predictions', f'{_SPLIT}.csv'))
    for x in folders
  ]
  for number, table in enumerate(tables, start=1):
    found = _summary(table)
    progress.say(
      f'Fold {number}: accuracy {found["accuracy"]:.2%} of {len(table):,} '
      'slices.'
    )
  table = pd.concat(tables, ignore_index=True)
  table.attrs = tables[0].attrs
  (workdir / 'predictions').mkdir(parents=True, exist_ok=True)
  predictions.write(table, workdir / 'predictions' / f'{_SPLIT}.csv')
  metrics.update_json(workdir, {_SPLIT: _summary(table)})
  facts = same_run.facts_of(config)
  facts |= {'folds': len(folders), 'fingerprints': _fingerprints(folders)}
  run_identity.write(workdir, facts)
  path = report.write_report(workdir)
  found = files.read_json(workdir / 'report' / 'metrics.json')
  terminal.show_intervals(_SPLIT, found[_SPLIT])
  progress.say(f'Report of all folds: {progress.format_path(path)}')
  run_directory.mark_finished(workdir)


def _summary(table: pd.DataFrame) -> dict[str, object]:
  return metrics.summary(
    metrics.confusion_matrix(table), predictions.class_names(table)
  )


def _fingerprints(folders: list[epath.Path]) -> dict[str, str]:
  """Returns a digest of the data of all folds, as that of a split."""
  found = [run_identity.read(x)['fingerprints'][_SPLIT] for x in folders]
  return {_SPLIT: hashlib.sha256(' '.join(found).encode()).hexdigest()[:16]}
