# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The work directory of a COVID-Net run, as far as ours have the same files."""

from collections.abc import Mapping
import json
from typing import Any

# First: it says how TensorFlow is to start.
import input_pipeline  # isort: skip

from etils import epath
import numpy as np

from bit_covid import atomic_file
from bit_covid import run_facts
from bit_covid.analysis import metrics
from bit_covid.analysis import predictions


def write_facts(
  workdir: epath.Path,
  facts: Mapping[str, Any],
  splits: Mapping[str, input_pipeline.Examples],
) -> None:
  """Writes config.json and run.json, or refuses a folder of another run.

  Args:
    workdir: empty, new, or of the same network and data; other splits are
      added to those that are there.
    facts: of network and data.
    splits: the data, by name of their split.

  Raises:
    ValueError: the folder holds another run; the message says what differs.
  """
  path = workdir / 'config.json'
  fingerprints = {name: split.fingerprint for name, split in splits.items()}
  found = _read_config(workdir)
  if found is not None:
    known = found.get('fingerprints') or {}
    differences = _differences(found, facts) + _differences(
      {'fingerprints': known},
      {
        'fingerprints': {k: fingerprints[k] for k in fingerprints if k in known}
      },
    )
    if differences:
      raise ValueError(
        f'{workdir} holds another run: {"; ".join(differences)}. Choose '
        'another --workdir, or remove this one to start anew.'
      )
    fingerprints = known | fingerprints
  workdir.mkdir(parents=True, exist_ok=True)
  atomic_file.write_json(path, {**facts, 'fingerprints': fingerprints})
  path = workdir / 'run.json'
  starts = json.loads(path.read_text()) if path.exists() else []
  # Not JAX's devices: TensorFlow sees none but this.
  start = run_facts.collect() | {'devices': ['cpu:TensorFlow']}
  atomic_file.write_json(path, [*starts, start])


def write_results(
  workdir: epath.Path,
  split: str,
  examples: input_pipeline.Examples,
  outputs: Mapping[str, np.ndarray],
) -> dict[str, Any]:
  """Writes the predictions of a split, and features if any; returns metrics."""
  table = predictions.make_table(
    slice_id=examples.slice_id,
    patient_id=examples.patient_id,
    source=examples.source,
    label=examples.label,
    probabilities=outputs['probabilities'].astype(np.float64),
    class_names=examples.class_names,
  )
  folder = workdir / 'predictions'
  predictions.write(table, folder / f'{split}.csv')
  if 'features' in outputs:
    atomic_file.write_npz(
      folder / f'{split}_features.npz',
      {'slice_id': examples.slice_id, 'features': outputs['features']},
    )
  return metrics.summary(metrics.confusion_matrix(table), examples.class_names)


def _read_config(workdir: epath.Path) -> dict[str, Any] | None:
  """Returns config.json of a work directory; None of a new one."""
  path = workdir / 'config.json'
  if path.exists():
    try:
      return dict(json.loads(path.read_text()))
    except (TypeError, ValueError) as error:
      raise ValueError(
        f'{path} is no JSON of a run: {error}. Choose another --workdir.'
      ) from error
  folder = workdir / 'predictions'
  there = sorted(x.name for x in folder.glob('*')) if folder.exists() else []
  if there:
    raise ValueError(
      f'{folder} holds {", ".join(there)}, and no config.json says what of. '
      'Choose another --workdir.'
    )
  return None


def _differences(
  found: Mapping[str, Any], asked: Mapping[str, Any]
) -> list[str]:
  """Returns what of the facts that are asked is otherwise, in words."""
  differences = []
  for key, value in asked.items():
    there = found.get(key)
    if isinstance(value, dict):
      inner = there if isinstance(there, dict) else {}
      differences += [f'{key}.{x}' for x in _differences(inner, value)]
    elif there != value:
      differences.append(f'{key} is {there} there, {value} here')
  return differences
