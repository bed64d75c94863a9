# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A cross-validation on drawn slices: its runs, and all of them together."""

import json

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from bit_covid.analysis import predictions
from bit_covid.cli import folds
from bit_covid.training import map_evidence
from bit_covid.training import map_panels
import input_pipeline

pytestmark = pytest.mark.usefixtures('small_network')


@pytest.fixture
def config(make_small_config, monkeypatch):
  config = make_small_config()
  config.report = False
  config.final_splits = ('test',)
  for module in (map_panels, map_evidence):
    monkeypatch.setattr(module, 'write', lambda *a, **k: None)
  return config


def test_all_folds_become_one_table_and_one_report(config, tmp_path, capsys):
  folds.train_and_report_folds(config, tmp_path, count=3)
  table = predictions.read(tmp_path / 'predictions' / 'test.csv')
  splits = input_pipeline.load_all_splits(config.data)
  everything = [x for split in splits.values() for x in split.slice_id]
  assert sorted(table['slice_id']) == sorted(everything)
  accuracy = sklearn_metrics.accuracy_score(
    table['label'], predictions.probabilities(table).argmax(axis=1)
  )
  numbers = json.loads((tmp_path / 'report' / 'metrics.json').read_text())
  assert numbers['test']['accuracy'] == pytest.approx(accuracy)
  assert (tmp_path / 'report' / 'index.html').is_file()
  facts = json.loads((tmp_path / 'config.json').read_text())
  assert facts['folds'] == 3
  printed = capsys.readouterr().out
  assert printed.count('of 3:\n') == 3
  # The parts are the runs' own predictions, and of different networks.
  parts = [
    predictions.read(tmp_path / f'fold_{x}' / 'predictions' / 'test.csv')
    for x in (1, 2, 3)
  ]
  assert sum(map(len, parts)) == len(table)
  assert not np.isin(parts[0]['patient_id'], parts[1]['patient_id']).any()
  # Given again, nothing is trained.
  logs = [(tmp_path / f'fold_{x}' / 'run.json').read_bytes() for x in (1, 2, 3)]
  folds.train_and_report_folds(config, tmp_path, count=3)
  assert 'Fold 3 of 3 is finished.' in capsys.readouterr().out
  assert logs == [
    (tmp_path / f'fold_{x}' / 'run.json').read_bytes() for x in (1, 2, 3)
  ]
  config.batch = 4
  with pytest.raises(ValueError, match='fold_1 holds a run with another conf'):
    folds.train_and_report_folds(config, tmp_path, count=3)


def test_what_is_no_cross_validation_is_refused(config, tmp_path):
  with pytest.raises(ValueError, match='--folds=2; expected 3 or more'):
    folds.train_and_report_folds(config, tmp_path, count=2)
  config.final_splits = ('val',)
  with pytest.raises(ValueError, match="needs 'test' in it"):
    folds.train_and_report_folds(config, tmp_path, count=3)
  config.data.fold = (1, 3)
  with pytest.raises(ValueError, match=r'config.data.fold is \(1, 3\), but'):
    folds.train_and_report_folds(config, tmp_path, count=3)
