# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The files of a run, apart from checkpoints and the log of measurements.

Before the first step: config.json, run.json and splits.csv. After the last one:
predictions/, model.npz and report/, and finally finished.json.
"""

from collections.abc import Callable, Mapping
import datetime
import json
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
from bit_covid.base import devices
from bit_covid.base import files
from bit_covid.inference import evaluate
from bit_covid.training import manifest
from bit_covid.training import run_identity
from bit_covid.training import schedule
from bit_covid.weights import bit_npz
from bit_covid.weights import metadata
import input_pipeline

# Where the data are on this machine does not identify them, as a run may be
# resumed on another machine. The fingerprints identify the data.
_PLACES = ('path', 'data_dir', 'image_folder')
# Fields that may change when a run is resumed, as they change no result.
_FREE = ('eval_batch', 'checkpoint_every', 'report', 'deterministic')


def write_facts(
  config: ml_collections.ConfigDict,
  workdir: epath.Path,
  splits: Mapping[str, input_pipeline.Examples],
) -> None:
  """Writes the files before the first step, for a resolved config.

  Raises:
    ValueError: the folder holds a run with another config or other data.
  """
  fingerprints = {name: split.fingerprint for name, split in splits.items()}
  facts = _facts(config) | {'fingerprints': fingerprints}
  devices.check_same_on_all_hosts(json.dumps(facts), 'Config and data')
  found = run_identity.read(workdir)
  if found is not None:
    problem = f'{workdir} holds a run with another config or other data'
    run_identity.check_same(found, facts, problem=problem, ignored=_FREE)
  if jax.process_index():
    return  # The first host writes.
  counts = [
    split_counts.count(name, x.label, x.patient_id, x.class_names)
    for name, x in splits.items()
  ]
  run_identity.write(workdir, facts)
  text = pd.concat(counts).to_csv(index=False)
  files.write(workdir / 'splits.csv', text.encode())
  manifest.update(workdir, 'splits.csv')


def check_same_config(
  config: ml_collections.ConfigDict, workdir: epath.Path
) -> None:
  """Raises ValueError if a folder holds no run, or one of another config.

  The config may be resolved or not. The fingerprints of the data are not
  compared.
  """
  found = run_identity.read(workdir) or {}
  found.pop('fingerprints', None)
  if not config.schedule:
    counts = pd.read_csv(workdir / 'splits.csv').query('split == "train"')
    config = schedule.resolve(
      config, num_slices=int(counts['slices'].sum()), num_classes=len(counts)
    )
  problem = f'{workdir} holds a run with another config'
  run_identity.check_same(found, _facts(config), problem=problem, ignored=_FREE)


def without_places(data: Mapping[str, Any]) -> dict[str, Any]:
  """Returns the field `data` of a config without folders of this machine."""
  return {key: value for key, value in data.items() if key not in _PLACES}


def _facts(config: ml_collections.ConfigDict) -> dict[str, Any]:
  tree = json.loads(config.to_json())
  return tree | {'data': without_places(tree['data'])}


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
) -> None:
  """Writes model.npz: the parameters and how images are prepared for them.

  The temperature that calibrates the probabilities is fitted on `val_table`,
  the predictions of the split 'val'; None if it was not evaluated.
  """
  temperature = math.nan
  if val_table is not None:
    temperature = calibration.fit_temperature(val_table)
  image_fields = ('box', 'crop', 'antialias', 'range_16bit')
  bit_npz.save(
    workdir / 'model.npz',
    params,
    model_name=config.model.name,
    metadata=metadata.Metadata(
      class_names=examples.class_names,
      preprocessing={key: config.data[key] for key in image_fields},
      window=examples.window,
      # NaN also if no temperature is best, as on a split without errors.
      temperature=temperature if math.isfinite(temperature) else None,
      facts={
        'init': config.init,
        'seed': config.seed,
        'schedule': config.schedule,
        'data': config.data.name,
      },
    ),
  )


def image_reader(
  examples: input_pipeline.Examples,
) -> Callable[[str], np.ndarray | None]:
  """Returns a function from a slice_id to its image, uint8 `[H, W]`.

  It returns None for a slice of another split.
  """
  index = {name: i for i, name in enumerate(examples.slice_id.tolist())}
  return lambda name: examples.image(index[name]) if name in index else None
