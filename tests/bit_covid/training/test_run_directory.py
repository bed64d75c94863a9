# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a run leaves: its model, and counts of its splits."""

import dataclasses

from etils import epath
import numpy as np
import pytest

from bit_covid.analysis import predictions
from bit_covid.training import run_directory
from bit_covid.weights import bit_npz
from configs import demo
import input_pipeline

NAMES = ('Normal', 'CP', 'NCP')


def _write_val(workdir, *, temperature, count=6000):
  """Writes predictions that are too sure by a known temperature."""
  generator = np.random.default_rng(0)
  truth = generator.dirichlet(np.ones(3), count)
  label = np.array([generator.choice(3, p=row) for row in truth])
  sharp = truth**temperature
  ids = [f's{i}' for i in range(count)]
  table = predictions.make_table(
    slice_id=ids,
    patient_id=ids,
    source=ids,
    label=label,
    probabilities=sharp / sharp.sum(1, keepdims=True),
    class_names=NAMES,
  )
  predictions.write(table, workdir / 'predictions' / 'val.csv')


@pytest.fixture
def examples():
  """A split without slices."""
  empty = np.zeros(0)
  return input_pipeline.Examples(
    class_names=NAMES,
    slice_id=empty,
    patient_id=empty,
    source=empty,
    label=empty,
    box=empty,
    digest=empty,
    read=lambda i: b'',
    window=(-600.0, 1500.0),
  )


@pytest.fixture
def save(tmp_path, random_params, examples):
  def save():
    run_directory.save_model(
      demo.get_config(), epath.Path(tmp_path), random_params('tiny'), examples
    )
    return bit_npz.load(tmp_path / 'model.npz').metadata

  return save


def test_temperature_is_that_of_val(save, tmp_path):
  _write_val(epath.Path(tmp_path), temperature=2.5)
  assert save().temperature == pytest.approx(2.5, rel=0.05)


def test_without_val_there_is_no_temperature(save):
  metadata = save()
  assert metadata.temperature is None
  assert metadata.window == (-600.0, 1500.0)
  assert metadata.preprocessing['crop'] == 64


def test_all_splits_are_counted_before_the_first_step(tmp_path, examples):
  train = dataclasses.replace(
    examples,
    slice_id=np.array(['1', '2', '3', '4']),
    patient_id=np.array(['a', 'a', 'b', 'c']),
    label=np.array([0, 0, 0, 2], np.int32),
  )
  run_directory.write_facts(
    demo.get_config(), epath.Path(tmp_path), {'train': train, 'test': examples}
  )
  assert (tmp_path / 'splits.csv').read_text().splitlines() == [
    'split,class,slices,patients',
    'train,Normal,3,2',
    'train,CP,0,0',
    'train,NCP,1,1',
    'test,Normal,0,0',
    'test,CP,0,0',
    'test,NCP,0,0',
  ]
