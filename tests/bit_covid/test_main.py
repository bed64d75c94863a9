# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The command line, as a user types it."""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from sklearn import ensemble

import input_pipeline

ROOT = pathlib.Path(__file__).parents[2]


def _run(*arguments, environment=None):
  # The user's own machine has no fake devices and no cache of this session.
  return subprocess.run(
    [sys.executable, '-m', 'bit_covid.main', *arguments],
    cwd=ROOT,
    env=os.environ | {'JAX_PLATFORMS': 'cpu'} | (environment or {}),
    capture_output=True,
    text=True,
    check=False,
  )


def _metrics(workdir):
  return json.loads((workdir / 'report' / 'metrics.json').read_text())


def test_overrides_and_argument_reach_the_run(tmp_path, tfds_dir):
  result = _run(
    '--config=configs/demo.py:seed=3,mixup=True',
    f'--workdir={tmp_path}',
    f'--config.data.data_dir={tfds_dir}',
    '--config.data.name=phantom/tiny',
    '--config.data.crop=32',
    '--config.batch=8',
    '--config.schedule=(1,2,3)',
  )
  assert result.returncode == 0, result.stderr
  assert 'test: accuracy' in result.stdout
  config = json.loads((tmp_path / 'config.json').read_text())
  assert config['seed'] == 3
  assert config['mixup_alpha'] == 0.1
  assert config['data']['crop'] == 32
  assert config['schedule'] == [1, 2, 3]
  command = json.loads((tmp_path / 'run.json').read_text())[0]['command']
  assert '--config.batch=8' in command


@pytest.mark.parametrize(
  ('arguments', 'message'),
  [
    (['--config=configs/demo.py', '--config.lr=3'], 'lr'),
    (['--config=configs/demo.py:lr=3'], 'expected any of resolution='),
    (['--config=configs/none.py'], 'configs/none.py'),
    (['--config=configs/demo.py', 'extra'], 'Unexpected arguments'),
  ],
)
def test_wrong_command_lines(tmp_path, arguments, message):
  result = _run(*arguments, f'--workdir={tmp_path / "run"}')
  assert result.returncode != 0
  assert message in result.stderr + result.stdout
  assert not (tmp_path / 'run').exists()


@pytest.mark.slow
def test_demo_learns_what_brightness_does_not_tell(tmp_path):
  data = tmp_path / 'tfds'
  place = f'--config.data.data_dir={data}'
  result = _run('--config=configs/demo.py', f'--workdir={tmp_path}', place)
  assert result.returncode == 0, result.stderr
  assert _metrics(tmp_path)['test']['accuracy'] >= 0.9

  untrained = tmp_path / 'untrained'
  result = _run(
    '--config=configs/demo.py',
    f'--workdir={untrained}',
    place,
    '--config.learning_rate=0.0',
    '--config.schedule=(1,2)',
  )
  assert result.returncode == 0, result.stderr
  assert _metrics(untrained)['test']['accuracy'] <= 0.5

  brightness, labels = {}, {}
  from configs import demo

  config = demo.get_config()
  config.data.data_dir = str(data)
  patients = {}
  for split in ('train', 'test'):
    examples = input_pipeline.load_split(config.data, split)
    batches = input_pipeline.evaluation_batches(examples, config.data, batch=60)
    means = [batch['image'].mean((1, 2, 3)) for batch in batches]
    brightness[split] = np.concatenate(means)[: len(examples), None]
    labels[split] = examples.label
    patients[split] = set(examples.patient_id)
  assert not patients['train'] & patients['test']
  model = ensemble.HistGradientBoostingClassifier(random_state=0)
  model.fit(brightness['train'], labels['train'])
  assert model.score(brightness['test'], labels['test']) <= 0.6


def test_real_slices_are_learned(tmp_path, real_data):
  result = _run(
    '--config=configs/covidx_sample.py',
    f'--workdir={tmp_path / "run"}',
    f'--config.data.data_dir={tmp_path / "tfds"}',
    '--config.schedule=(20,80,90,95,100)',
    '--config.data.resize=72',
    '--config.data.crop=64',
    environment={'BIT_COVID_COVIDX': str(real_data / 'covidx_ct_sample')},
  )
  assert result.returncode == 0, result.stderr
  lines = (tmp_path / 'run' / 'metrics.jsonl').read_text().splitlines()
  losses = [json.loads(line)['train_loss'] for line in lines]
  assert losses[-1] < 0.5 * np.log(3)
  assert _metrics(tmp_path / 'run')['test']['slices'] == 265
