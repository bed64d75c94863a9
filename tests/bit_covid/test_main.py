# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The command line, as a user types it."""

import json
import os
import pathlib
import subprocess
import sys

import jax
import numpy as np
import pytest

from bit_covid.base import devices
from bit_covid.inference import evaluate
from bit_covid.models import resnet_v2
from bit_covid.training import train
from configs import demo
import input_pipeline

ROOT = pathlib.Path(__file__).parents[2]


def _run(*arguments, environment=None, folder=ROOT):
  # The user's own machine has no fake devices and no cache of this session.
  own = {'JAX_PLATFORMS': 'cpu', 'PYTHONPATH': str(ROOT)}
  return subprocess.run(
    [sys.executable, '-m', 'bit_covid.main', *arguments],
    cwd=folder,
    env=os.environ | own | (environment or {}),
    capture_output=True,
    text=True,
    check=False,
  )


def _metrics(workdir):
  return json.loads((workdir / 'report' / 'metrics.json').read_text())


def test_overrides_and_argument_reach_the_run(tmp_path, tfds_dir):
  result = _run(
    'demo:seed=3,mixup=True',
    f'--config.data.data_dir={tfds_dir}',
    '--config.data.name=phantom/tiny',
    '--config.data.crop=32',
    '--config.batch=8',
    '--config.schedule=(1,2,3)',
    '--config.report=False',
    '--config.deterministic=True',
    folder=tmp_path,
  )
  assert result.returncode == 0, result.stderr
  assert 'test: accuracy' in result.stdout
  workdir = tmp_path / 'runs' / 'demo'
  config = json.loads((workdir / 'config.json').read_text())
  assert config['seed'] == 3
  assert config['mixup_alpha'] == 0.1
  assert config['data']['crop'] == 32
  assert config['schedule'] == [1, 2, 3]
  start = json.loads((workdir / 'run.json').read_text())[0]
  assert '--config.batch=8' in start['command']
  assert '--xla_gpu_deterministic_ops=true' in start['xla_flags']


@pytest.mark.parametrize(
  ('arguments', 'message'),
  [
    (
      ['--config=configs/demo.py', '--config.bach=3'],
      "Error: The config has no field 'bach'. Did you mean 'batch'? All fields "
      'are in configs/common.py.\n',
    ),
    (['--config=configs/demo.py:lr=3'], 'expected any of resolution='),
    (
      ['--config=configs/none.py:seed=1', '--config.batch=3'],
      'Error: --config=configs/none.py does not exist; expected one of bit_m, '
      'bit_m_c, bit_m_s, bit_s, covidx_sample, demo, pretrain_slices, '
      'pretrain_textures, '
      'random, sars_cov_2_ct, or a file of your own.\n',
    ),
    (
      ['--config=configs', '--config.batch=3'],
      'Error: --config=configs is a folder; expected one of bit_m, ',
    ),
    (['demoo:seed=1'], 'Error: --config=demoo does not exist; expected one of'),
    ([], 'Error: No config is given; expected one of bit_m, '),
    (
      ['demo', '--config', 'demo'],
      'Error: Several configs are given; give one',
    ),
    (
      ['demo', '--data=a', '--config.data.path=b'],
      'Error: Give --data or --config.data.path, not both.\n',
    ),
    (
      ['--config=configs/demo.py', '--config.batch=a: 3'],
      'Error: --config.batch=a is a value of another kind than the field has. '
      'All fields are in configs/common.py.\n',
    ),
    (['--config=configs/demo.py', 'extra'], 'Unexpected arguments'),
    (['--config=configs/demo.py', '--process_id=1'], '--coordinator, --num_'),
  ],
)
def test_wrong_command_lines(tmp_path, arguments, message):
  result = _run(*arguments, f'--workdir={tmp_path / "run"}')
  assert result.returncode != 0
  assert message in result.stderr + result.stdout
  assert not (tmp_path / 'run').exists()


@pytest.mark.parametrize(
  ('line', 'message'),
  [
    (
      'config.data.windw = (40, 400)',
      "Error: The config has no field 'windw'. Did you mean 'window'? All "
      'fields are in configs/common.py.\n',
    ),
    (
      "config['bach'] = 3",
      "Error: The config has no field 'bach'. Did you mean 'batch'? All fields "
      'are in configs/common.py.\n',
    ),
    (
      'None.batch',
      'Error: The config file is invalid: {}:4: '
      "'NoneType' object has no attribute 'batch'\n",
    ),
    (
      'config.batch = 64 / 0',
      'Error: The config file is invalid: {}:4: division by zero\n',
    ),
    (
      'config.batch = (64',
      "Error: The config file is no Python: {}:4: '(' was never closed.\n",
    ),
    (
      "config.batch = 'a'",
      "Error: 'a' is a value of another kind than the field 'batch' has. All "
      'fields are in configs/common.py.\n',
    ),
  ],
)
def test_wrong_config_files(tmp_path, line, message):
  path = tmp_path / 'mine.py'
  path.write_text(
    'from configs import common\n'
    'def get_config(arg=None):\n'
    '  config = common.get_config()\n'
    f'  {line}\n'
    '  return common.with_argument(config, arg)\n'
  )
  result = _run(f'--config={path}', f'--workdir={tmp_path / "run"}')
  assert result.returncode == 2
  assert result.stderr.splitlines(True)[-1] == message.format(path)
  assert not (tmp_path / 'run').exists()


@pytest.mark.slow
def test_demo_learns(tmp_path):
  data = tmp_path / 'tfds'
  place = f'--config.data.data_dir={data}'
  result = _run('--config=configs/demo.py', f'--workdir={tmp_path}', place)
  assert result.returncode == 0, result.stderr
  assert _metrics(tmp_path)['test']['accuracy'] >= 0.9


def test_untrained_networks_stay_near_chance(tfds_dir):
  # With random heads: one of zeros would give one class to all slices.
  config = demo.get_config('init=random')
  config.data.name, config.data.data_dir = 'phantom/tiny', tfds_dir
  examples = input_pipeline.load_split(config.data, 'test')
  network = resnet_v2.create('tiny', num_classes=3)
  forward = evaluate.make_forward(network)
  accuracies = []
  for seed in range(5):
    config.seed = seed
    params = dict(train.initial_params(config, network))
    key = jax.random.key(seed)
    kernel = jax.random.normal(key, params['head']['kernel'].shape)
    params['head'] = params['head'] | {'kernel': kernel}
    outputs = evaluate.evaluate(
      forward, devices.replicate(params), examples, config.data, batch=8
    )
    predicted = outputs.logits.argmax(1)
    accuracies.append(np.mean(predicted == examples.label))
  assert abs(np.mean(accuracies) - 1 / 3) < 0.15


@pytest.mark.slow
def test_real_slices_are_learned(tmp_path, real_data):
  result = _run(
    '--config=configs/covidx_sample.py',
    f'--workdir={tmp_path / "run"}',
    f'--config.data.data_dir={tmp_path / "tfds"}',
    '--config.schedule=(10,40,45,48,50)',
    '--config.report=False',
    '--config.data.resize=54',
    '--config.data.crop=48',
    environment={'BIT_COVID_COVIDX': str(real_data / 'covidx_ct_sample')},
  )
  assert result.returncode == 0, result.stderr
  lines = (tmp_path / 'run' / 'metrics.jsonl').read_text().splitlines()
  losses = [json.loads(line)['train_loss'] for line in lines]
  assert losses[-1] < 0.5 * np.log(3)
  assert _metrics(tmp_path / 'run')['test']['slices'] == 265
