# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Work directories of runs of the paper that never were."""

from collections.abc import Callable
import json
import pathlib

import numpy as np
import pandas as pd
import pytest

from bit_covid.analysis import predictions
from bit_covid.paper import grid

NAMES = ('Normal', 'CP', 'NCP')


def simulated_table(
  accuracy: float, *, split: str = 'test', seed: int = 0, patients: int = 30
) -> pd.DataFrame:
  """Returns predictions; slices and labels of a split are always the same."""
  sizes = np.random.default_rng(len(split)).integers(2, 9, patients)
  patient = np.repeat(np.arange(patients), sizes)
  label = patient % 3
  generator = np.random.default_rng([seed, round(1e4 * accuracy)])
  # Errors of a patient come together.
  rate = generator.beta(4 * accuracy, 4 * (1 - accuracy), patients)[patient]
  is_wrong = generator.random(len(label)) >= rate
  shift = generator.integers(1, 3, len(label))
  predicted = np.where(is_wrong, (label + shift) % 3, label)
  sure = generator.uniform(0.5, 1, len(label))
  probabilities = np.repeat((1 - sure)[:, np.newaxis] / 2, 3, axis=1)
  probabilities[np.arange(len(label)), predicted] = sure
  return predictions.make_table(
    slice_id=[f'{split}_{i:05}.png' for i in range(len(label))],
    patient_id=[f'{split}{i}' for i in patient],
    source=[''] * len(label),
    label=label,
    probabilities=probabilities,
    class_names=NAMES,
  )


@pytest.fixture
def simulate(tmp_path: pathlib.Path) -> Callable[..., pathlib.Path]:
  """Makes the work directory of a finished run below `tmp_path`."""

  def make(
    run: grid.Run,
    accuracy: float,
    *,
    splits: tuple[str, ...] = ('val', 'test'),
    patients: int = 30,
    is_finished: bool = True,
  ) -> pathlib.Path:
    return write_run(
      tmp_path / 'runs' / run.name,
      accuracy,
      seed=run.seed,
      splits=splits,
      patients=patients,
      is_finished=is_finished,
    )

  return make


def write_run(
  folder: pathlib.Path,
  accuracy: float,
  *,
  seed: int = 0,
  splits: tuple[str, ...] = ('val', 'test'),
  patients: int = 30,
  is_finished: bool = True,
) -> pathlib.Path:
  """Writes what the collecting reads of a run; returns its folder."""
  folder.mkdir(parents=True)
  for split in splits:
    table = simulated_table(accuracy, split=split, seed=seed, patients=patients)
    predictions.write(table, folder / 'predictions' / f'{split}.csv')
    generator = np.random.default_rng(seed)
    features = 4 * predictions.probabilities(table)
    features += generator.normal(size=features.shape)
    np.savez(
      folder / 'predictions' / f'{split}_features.npz',
      slice_id=table['slice_id'].to_numpy(str),
      features=features.astype(np.float32),
    )
  (folder / 'config.json').write_text('{"data": {"name": "covidx_ct/2a"}}')
  lines = [{'step': 0, 'train_loss': 1.1}] + [
    {
      'step': step,
      'val_accuracy': accuracy - 0.5 * 0.97 ** (step / 100) + 0.002 * seed,
    }
    for step in range(100, 10_001, 100)
  ]
  (folder / 'metrics.jsonl').write_text(
    ''.join(json.dumps(line) + '\n' for line in lines)
  )
  if is_finished:
    (folder / 'finished.json').write_text('{}')
  return folder
