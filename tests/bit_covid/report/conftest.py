# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Work directories of runs that never were."""

from collections.abc import Callable
import json
import pathlib
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
import pytest
import scipy.special

from bit_covid import report
from bit_covid.analysis import predictions

NAMES = ('Normal', 'CP', 'NCP')


def _table(
  split: str, patients: int, class_names: tuple[str, ...]
) -> pd.DataFrame:
  """Four slices a patient, of which each class and source has as many."""
  generator = np.random.default_rng(len(split))
  patient = np.repeat(np.arange(patients), 4)
  label = patient % len(class_names)
  logits = generator.normal(size=(len(label), len(class_names)))
  logits[np.arange(len(label)), label] += 2
  return predictions.make_table(
    slice_id=[f'{split}_{i:04d}.png' for i in range(len(label))],
    patient_id=[f'{split}{i}' for i in patient],
    source=np.array(['Site <A> & co', 'Site B|C'])[(patient > 11).astype(int)],
    label=label,
    probabilities=scipy.special.softmax(1.5 * logits, axis=1),
    class_names=class_names,
  )


def _write_maps(workdir: pathlib.Path) -> None:
  """Writes pictures of maps and what speaks for them, as a run does."""
  folder = workdir / 'gradcam'
  folder.mkdir()
  for name in NAMES:
    Image.new('L', (20, 16)).save(folder / f'{name}.png')
    (folder / f'{name}.txt').write_text(f'Slices of {name}.')
  energy = ['split,slice_id,patient_id,class,predicted,box,inside,area']
  randomization = ['split,slice_id,class,predicted,seed,stage,similarity']
  for i, name in enumerate(NAMES * 4):
    known = f'test,test_{i:04d}.png'
    # The last of each class has no box.
    rest = 'annotated,0.9,0.5' if i < 9 else ',,'
    energy.append(f'{known},p{i % 6},{name},NCP,{rest}')
    for seed in range(5):
      randomization.append(f'{known},{name},{name},{seed},none,1')
      randomization.append(f'{known},{name},{name},{seed},head,0.{seed}')
  for name, lines in (('energy', energy), ('randomization', randomization)):
    (folder / f'{name}.csv').write_text('\n'.join(lines) + '\n')


@pytest.fixture
def make_run(tmp_path: pathlib.Path) -> Callable[..., pathlib.Path]:
  """Makes a work directory with predictions and what a run leaves beside."""

  def make(
    *,
    splits: tuple[str, ...] = ('val', 'test'),
    patients: int = 18,
    class_names: tuple[str, ...] = NAMES,
    data_name: str = 'phantom/demo',
    with_maps: bool = False,
  ) -> pathlib.Path:
    workdir = tmp_path / 'run'
    if with_maps:
      workdir.mkdir()
      _write_maps(workdir)
    for split in splits:
      table = _table(split, patients, class_names)
      predictions.write(table, workdir / 'predictions' / f'{split}.csv')
      np.savez(
        workdir / 'predictions' / f'{split}_features.npz',
        slice_id=table['slice_id'].to_numpy(str),
        features=np.log(predictions.probabilities(table)).astype(np.float32),
      )
    config = {
      'data': {'name': data_name, 'crop': 64, 'box': 'annotated'},
      'seed': 7,
      'schedule': [1, 2, 3],
      'fingerprints': {'test': 'b86a4096c4418756'},
    }
    start = {'commit': '5675de8e', 'devices': ['cpu:cpu'] * 2}
    resumed = {**start, 'data_changes': ['val: 2 labels changed, such as a']}
    (workdir / 'config.json').write_text(json.dumps(config))
    (workdir / 'run.json').write_text(json.dumps([start, resumed]))
    lines = [
      {'step': 1, 'train_loss': 1.1},
      {'step': 1, 'val_accuracy': 0.4, 'val_loss': 1.2},
      {'step': 2, 'train_loss': 0.7},
      {'step': 2, 'val_accuracy': 0.8, 'val_loss': 0.9},
    ]
    (workdir / 'metrics.jsonl').write_text(
      ''.join(json.dumps(line) + '\n' for line in lines)
    )
    return workdir

  return make


@pytest.fixture
def write_report() -> Callable[..., tuple[str, dict[str, Any]]]:
  """Writes a report; returns its page and its numbers."""

  def write(
    workdir: pathlib.Path, **options: Any
  ) -> tuple[str, dict[str, Any]]:
    path = report.write_report(workdir, **options)
    numbers = (workdir / 'report' / 'metrics.json').read_text()
    return path.read_text('utf-8'), json.loads(numbers)

  return write
