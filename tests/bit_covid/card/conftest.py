# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A run that never was, with all files that a card is made from."""

import json
import pathlib
import shutil

import numpy as np
import pytest
import scipy.special

from bit_covid.analysis import metrics
from bit_covid.analysis import predictions
from bit_covid.analysis import split_counts
from bit_covid.base import files
from bit_covid.card import write_card
from bit_covid.report import numbers
from bit_covid.weights import metadata

NAMES = ('Normal', 'CP <b>|', 'NCP')
_PREPROCESSING = {
  'box': 'none',
  'crop': 64,
  'antialias': False,
  'range_16bit': [0, 65_535],
}
_FINDINGS = {
  'Patients in several splits': ('PASSED', 'Each of the 24 is in one.'),
  'Equal images': ('NOT CHECKED', 'There are no images.'),
  'Class and source': ('WARNING', 'The source gives the class away.'),
}


def _table(split):
  generator = np.random.default_rng(len(split))
  patient = np.repeat(np.arange(12), 2)
  logits = generator.normal(size=(24, 3))
  logits[np.arange(24), patient % 3] += 2
  return predictions.make_table(
    slice_id=[f'{split}_{i}.png' for i in range(24)],
    patient_id=[f'{split}{i}' for i in patient],
    source=np.array(['A', 'B'])[patient % 2],
    label=patient % 3,
    probabilities=scipy.special.softmax(logits, axis=1),
    class_names=NAMES,
  )


@pytest.fixture(scope='session')
def complete_run(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
  """A run with its card; tests only read it."""
  run = tmp_path_factory.mktemp('card') / 'run'
  (run / 'audit').mkdir(parents=True)
  tables = {x: _table(x) for x in ('val', 'test')}
  metrics.update_json(run, numbers.collect(tables))
  split_counts.of_tables(tables).to_csv(run / 'splits.csv', index=False)
  config = {
    'init': '/home/jdoe99/weights.npz',
    'model': {'name': 'tiny', 'dtype': 'float32'},
    'data': {'name': 'phantom/demo', 'resize': 72, 'crop': 64},
    'fingerprints': {'test': 'b86a4096c4418756'},
    'batch': 32,
  }
  (run / 'config.json').write_text(json.dumps(config))
  start = {'commit': '5675de8e', 'devices': ['cpu:cpu'] * 2, 'hosts': 1}
  (run / 'run.json').write_text(json.dumps([{'commit': 'old'}, start]))
  facts = metadata.Metadata(NAMES, _PREPROCESSING, (-600, 1500))
  arrays = {
    'resnet/head/conv2d/bias': np.zeros(3, np.float32),
    'resnet/head/conv2d/kernel': np.zeros((1, 1, 5, 3), np.float32),
    metadata.KEY: metadata.to_bytes(facts),
  }
  files.write_npz(run / 'model.npz', arrays)
  findings = [
    {'check': x, 'severity': y, 'text': z, 'advice': ''}
    for x, (y, z) in _FINDINGS.items()
  ]
  text = json.dumps({'findings': findings})
  (run / 'audit' / 'audit.json').write_text(text)
  write_card.write(run)
  return run


@pytest.fixture
def own_run(complete_run: pathlib.Path, tmp_path: pathlib.Path) -> pathlib.Path:
  """A copy without its card, for tests that change it."""
  ignored = shutil.ignore_patterns('card')
  return shutil.copytree(complete_run, tmp_path / 'run', ignore=ignored)
