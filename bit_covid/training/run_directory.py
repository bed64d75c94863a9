# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The files of a run, apart from checkpoints and the log of measurements.

Before the first step: config.json, run.json, splits.csv and slices/. After the
last one: predictions/, model.npz and report/, and finally finished.json.
"""

from collections.abc import Mapping
import datetime
import math
from typing import Any

from etils import epath
import jax
import ml_collections
import numpy as np
import pandas as pd

from bit_covid.analysis import calibration
from bit_covid.analysis import metrics
from bit_covid.analysis import predictions
from bit_covid.analysis import split_counts
from bit_covid.analysis import terminal
from bit_covid.base import files
from bit_covid.base import hosts
from bit_covid.inference import evaluate
from bit_covid.training import manifest
from bit_covid.training import run_identity
from bit_covid.training import same_run
from bit_covid.training import shared_disk
from bit_covid.training import slice_record
from bit_covid.weights import bit_npz
from bit_covid.weights import metadata
import input_pipeline
from input_pipeline import pretext


def write_facts(
  config: ml_collections.ConfigDict,
  workdir: epath.Path,
  splits: Mapping[str, input_pipeline.Examples],
) -> None:
  """Writes the files before the first step, for a resolved config.

  Raises:
    ValueError: the folder holds a run with another config, or with other data
      and `config.data.allow_change` is False.
  """
  fingerprints = {name: split.fingerprint for name, split in splits.items()}
  facts = same_run.facts_of(config) | {'fingerprints': fingerprints}
  hosts.check_same(
    run_identity.flat(facts | {'packages': run_identity.packages()}),
    remedy='Give each the same command, data and packages.',
  )
  changes = same_run.data_changes(config, workdir, facts, splits)
  if jax.process_index() == 0:
    _write_facts(workdir, facts, splits, changes)
  # It tells when this start was, so another folder has another file.
  shared_disk.check_seen(workdir / 'run.json')


def _write_facts(
  workdir: epath.Path,
  facts: Mapping[str, Any],
  splits: Mapping[str, input_pipeline.Examples],
  changes: Mapping[str, str],
) -> None:
  # Until this run has ended too, what it says of the files may not hold.
  (workdir / manifest.FILE_NAME).unlink(missing_ok=True)
  for name, examples in splits.items():
    if name in changes or not slice_record.exists(workdir, name):
      slice_record.write(workdir, name, examples)
  counts = [
    split_counts.count(name, x.label, x.patient_id, x.class_names)
    for name, x in splits.items()
  ]
  predictions.write(pd.concat(counts), workdir / 'splits.csv')
  # Last, as it says that the other files are of these data.
  run_identity.write(workdir, facts, data_changes=list(changes.values()))


def mark_finished(workdir: epath.Path) -> None:
  """Writes finished.json, the last file of a run, with checksums of all."""
  now = datetime.datetime.now(datetime.UTC)
  manifest.write(workdir, {'time': now.isoformat(timespec='seconds')})


def is_finished(workdir: epath.Path) -> bool:
  """Returns whether the run in a folder has ended and written all its files."""
  return (workdir / manifest.FILE_NAME).exists()


def predictions_table(
  examples: input_pipeline.Examples, outputs: evaluate.Outputs
) -> pd.DataFrame:
  """Returns the predictions table of a split; see `analysis.predictions`."""
  return predictions.make_table(
    slice_id=examples.slice_id,
    patient_id=examples.patient_id,
    source=examples.source,
    label=examples.label,
    probabilities=outputs.probabilities,
    class_names=examples.class_names,
  )


def write_results(
  workdir: epath.Path,
  split: str,
  table: pd.DataFrame,
  features: np.ndarray,
  *,
  show: bool = True,
) -> Mapping[str, Any]:
  """Returns the metrics of a split; writes them, its predictions and features.

  The features are `[N, F]` float32, in the order of the predictions table. The
  metrics are printed if `show` is True.
  """
  summary = metrics.summary(
    metrics.confusion_matrix(table), predictions.class_names(table)
  )
  if jax.process_index() == 0:
    folder = workdir / 'predictions'
    predictions.write(table, folder / f'{split}.csv')
    files.write_npz(
      folder / f'{split}_features.npz',
      {'slice_id': table['slice_id'].to_numpy(str), 'features': features},
    )
    metrics.update_json(workdir, {split: summary})
    results = (f'predictions/{split}.csv', f'predictions/{split}_features.npz')
    manifest.update(workdir, *results, 'report/metrics.json')
    if show:
      terminal.show_summary(split, summary)
  return summary


def save_model(
  config: ml_collections.ConfigDict,
  workdir: epath.Path,
  params: Mapping[str, Any],
  examples: input_pipeline.Examples,
  val_table: pd.DataFrame | None,
) -> float | None:
  """Returns the temperature, None if not known, after writing model.npz.

  The file holds the parameters and how images are prepared for them. The
  temperature, which calibrates the probabilities, is fitted on `val_table`, the
  predictions of the split 'val'; None if it was not evaluated.
  """
  temperature = None
  if val_table is not None:
    found = calibration.fit_temperature(val_table)
    # NaN if no temperature is best, as on a split without errors.
    temperature = found if math.isfinite(found) else None
  image_fields = ('box', 'crop', 'antialias', 'range_16bit')
  bit_npz.save(
    workdir / 'model.npz',
    params,
    model_name=config.model.name,
    metadata=metadata.Metadata(
      class_names=examples.class_names,
      preprocessing={key: config.data[key] for key in image_fields},
      window=examples.window,
      temperature=temperature,
      facts={
        'init': config.init,
        'seed': config.seed,
        'schedule': config.schedule,
        'data': config.data.name,
        **pretext.facts(config.data),
      },
    ),
  )
  return temperature
