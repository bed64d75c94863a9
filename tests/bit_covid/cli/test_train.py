# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A training with all that it leaves in its work directory."""

import json

import numpy as np
import pytest

from bit_covid.analysis import predictions
from bit_covid.cli import train
from bit_covid.weights import bit_npz

pytestmark = pytest.mark.usefixtures('small_network')

# The tiny phantom has 4 patients a class in its training split and 3 in its
# test split, with 3 slices each.
NUM_TRAIN, NUM_TEST = 36, 27


@pytest.fixture
def config(make_small_config):
  return make_small_config()


def test_work_directory(config, tmp_path):
  metrics = train.train_and_report(config, tmp_path)
  names = {path.name for path in tmp_path.iterdir()}
  assert names >= {
    'config.json',
    'run.json',
    'checkpoints',
    'metrics.jsonl',
    'model.npz',
    'predictions',
    'report',
    'finished.json',
  }
  table = predictions.read(tmp_path / 'predictions' / 'test.csv')
  assert len(table) == NUM_TEST
  assert table['slice_id'].is_unique
  assert set(table['patient_id'].str.split('-').str[1]) == {'test'}
  with np.load(tmp_path / 'predictions' / 'test_features.npz') as file:
    assert file['slice_id'].tolist() == table['slice_id'].tolist()
    assert file['features'].shape == (NUM_TEST, 64)
  report = json.loads((tmp_path / 'report' / 'metrics.json').read_text())
  assert set(report) == set(metrics) == {'val', 'test'}
  assert metrics['test'].items() <= report['test'].items()
  page = (tmp_path / 'report' / 'index.html').read_text()
  assert 'Research software, not a medical device.' in page
  assert page.count('Class activation maps') >= 3
  assert set(report['test']['maps']) == {'energy', 'randomization'}
  assert 'maps' not in report['val']
  assert f'train, NCP: {NUM_TRAIN // 3} slices of 4 patients' in page
  assert report['test']['slices'] == NUM_TEST
  predicted = predictions.probabilities(table).argmax(1)
  accuracy = np.mean(predicted == table['label'].to_numpy())
  assert report['test']['accuracy'] == pytest.approx(accuracy)
  # The result is a BiT file that says how its images were prepared.
  checkpoint = bit_npz.load(tmp_path / 'model.npz')
  assert checkpoint.metadata.class_names == ('Normal', 'CP', 'NCP')
  assert checkpoint.metadata.preprocessing['crop'] == 32
  assert checkpoint.metadata.window is None  # The slices are drawn.
  assert checkpoint.params['head']['kernel'].any()


def test_a_run_without_a_report_is_finished_too(config, tmp_path):
  config.report = False
  config.eval_every = 0
  config.final_splits = ('val',)
  train.train_and_report(config, tmp_path)
  assert (tmp_path / 'finished.json').exists()
  assert not (tmp_path / 'report' / 'index.html').exists()
