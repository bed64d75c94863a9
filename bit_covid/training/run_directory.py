# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The files of a run, apart from checkpoints and the log of measurements.

Before the first step: config.json, run.json and splits.csv. After the last one:
predictions/, model.npz and report/, and when all is there, finished.json.
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
from bit_covid.training import provenance
from bit_covid.weights import bit_npz
from bit_covid.weights import metadata
import input_pipeline

# Where the data lie on this machine is no part of what they are: a run may go
# on elsewhere. The fingerprint says whether they are the same.
_PLACES = ('path', 'data_dir', 'image_folder')
# Fields that may differ when a run goes on, as they change no result.
_FREE = frozenset(('eval_batch', 'checkpoint_every', 'report'))


def write_facts(
  config: ml_collections.ConfigDict,
  workdir: epath.Path,
  splits: Mapping[str, input_pipeline.Examples],
) -> None:
  """Writes the files before the first step, or refuses a folder of another run.

  Raises:
    ValueError: the folder's run has another config or other data; the message
      lists what differs.
  """
  fingerprints = {name: split.fingerprint for name, split in splits.items()}
  asked = _without_places(config) | {'fingerprints': fingerprints}
  devices.check_same_on_all_hosts(json.dumps(asked), 'Config and data')
  path = workdir / 'config.json'
  if path.exists():
    found = json.loads(path.read_text())
    differences = _differences(found, asked)
    if differences:
      raise ValueError(
        f'{workdir} holds a run with another config or other data: '
        f'{differences}. Choose another work directory, or remove this one to '
        'start anew.'
      )
  if jax.process_index():
    return  # The first host writes.
  workdir.mkdir(parents=True, exist_ok=True)
  files.write_json(path, asked)
  counts = [
    split_counts.count(name, x.label, x.patient_id, x.class_names)
    for name, x in splits.items()
  ]
  text = pd.concat(counts).to_csv(index=False)
  files.write(workdir / 'splits.csv', text.encode())
  path = workdir / 'run.json'
  starts = json.loads(path.read_text()) if path.exists() else []
  # One entry a start: a run may go on elsewhere, under other versions.
  files.write_json(path, [*starts, provenance.collect()])


def check_same_config(
  config: ml_collections.ConfigDict, workdir: epath.Path
) -> None:
  """Raises ValueError if the run in a folder has another config than this.

  The data are not looked at.
  """
  found = json.loads((workdir / 'config.json').read_text())
  found.pop('fingerprints')
  differences = _differences(found, _without_places(config))
  if differences:
    raise ValueError(
      f'{workdir} holds a run with another config: {differences}. Choose '
      'another work directory, or remove this one to start anew.'
    )


def _without_places(config: ml_collections.ConfigDict) -> dict[str, Any]:
  tree = json.loads(config.to_json())
  for place in _PLACES:
    tree['data'].pop(place)
  return tree


def _differences(found: Mapping[str, Any], asked: Mapping[str, Any]) -> str:
  def flat(tree: Mapping[str, Any], prefix: str = '') -> dict[str, Any]:
    leaves = {}
    for key, value in tree.items():
      if isinstance(value, dict):
        leaves |= flat(value, f'{prefix}{key}.')
      else:
        leaves[f'{prefix}{key}'] = value
    return leaves

  found, asked = flat(found), flat(asked)
  return '; '.join(
    f'{key} is {found.get(key)} there, {asked.get(key)} here'
    for key in sorted((found.keys() | asked.keys()) - _FREE)
    if found.get(key) != asked.get(key)
  )


def mark_finished(workdir: epath.Path) -> None:
  """Writes finished.json, the last file of a run: all others are there."""
  now = datetime.datetime.now(datetime.UTC)
  files.write_json(
    workdir / 'finished.json', {'time': now.isoformat(timespec='seconds')}
  )


def is_finished(workdir: epath.Path) -> bool:
  """Returns whether the run in a folder has ended and written all its files."""
  return (workdir / 'finished.json').exists()


def save_model(
  config: ml_collections.ConfigDict,
  workdir: epath.Path,
  params: Mapping[str, Any],
  examples: input_pipeline.Examples,
) -> None:
  """Writes model.npz: the parameters, and how images are prepared for them.

  With the temperature that calibrates the probabilities on `val`, if that is
  among the splits whose predictions are in the work directory.
  """
  bit_npz.save(
    workdir / 'model.npz',
    params,
    model=config.model.name,
    metadata=metadata.Metadata(
      class_names=examples.class_names,
      preprocessing={
        key: config.data[key]
        for key in ('box', 'crop', 'antialias', 'range_16bit')
      },
      window=examples.window,
      temperature=_fit_temperature(workdir),
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
  """Returns a function from a slice_id to its image, uint8 `[H, W]`, or None.

  None for a slice of another split.
  """
  index = {name: i for i, name in enumerate(examples.slice_id.tolist())}

  def read(slice_id: str) -> np.ndarray | None:
    if slice_id not in index:
      return None
    return examples.image(index[slice_id])

  return read


def _fit_temperature(workdir: epath.Path) -> float | None:
  path = workdir / 'predictions' / 'val.csv'
  if not path.exists():
    return None
  temperature = calibration.fit_temperature(predictions.read(path))
  # NaN where no temperature is best, as on a split without errors.
  return temperature if math.isfinite(temperature) else None


def write_results(
  workdir: epath.Path,
  split: str,
  examples: input_pipeline.Examples,
  outputs: evaluate.Outputs,
  *,
  show: bool = True,
) -> Mapping[str, Any]:
  """Writes predictions and features of a split; returns its metrics.

  Args:
    workdir: of the run.
    split: its name.
    examples: the split.
    outputs: of the network on it.
    show: whether the metrics are printed.
  """
  table = predictions.make_table(
    slice_id=examples.slice_id,
    patient_id=examples.patient_id,
    source=examples.source,
    label=examples.label,
    probabilities=outputs.probabilities,
    class_names=examples.class_names,
  )
  summary = metrics.summary(
    metrics.confusion_matrix(table), examples.class_names
  )
  if jax.process_index() == 0:
    folder = workdir / 'predictions'
    predictions.write(table, folder / f'{split}.csv')
    files.write_npz(
      folder / f'{split}_features.npz',
      {'slice_id': examples.slice_id, 'features': outputs.features},
    )
    path = workdir / 'report' / 'metrics.json'
    path.parent.mkdir(exist_ok=True)
    found = json.loads(path.read_text()) if path.exists() else {}
    files.write_json(path, found | {split: summary})
    if show:
      terminal.show_summary(split, summary)
  return summary
