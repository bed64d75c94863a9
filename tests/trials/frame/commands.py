# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Commands on a small scale, each with all that it writes below one folder.

They run in processes of their own (`attempt`), where the project is imported
already: this module imports none of it, so that the trials start at once.
"""

import pathlib
import sys
import types

_DATA = {
  'data.name': 'phantom/tiny',
  'data.resize': 36,
  'data.crop': 32,
  'init': 'random',
  'batch': 8,
  'eval_batch': 8,
}
_SCHEDULE = {
  'schedule': '(2,8,12,14,16)',
  'log_every': 2,
  'eval_every': 4,
  'checkpoint_every': 2,
}


def train(folder: pathlib.Path) -> int:
  """Trains, evaluates and writes a report."""
  from bit_covid import main

  _use_small_network()
  fields = _DATA | _SCHEDULE | {'data.data_dir': folder / 'data'}
  argv = ['--config=configs/demo.py', f'--workdir={folder}/run']
  argv += [f'--config.{name}={value}' for name, value in fields.items()]
  sys.argv[1:] = argv
  return main.main(argv)


def evaluate(folder: pathlib.Path) -> int:
  """Evaluates the run that `train` made."""
  from bit_covid.cli import evaluate as command

  _use_small_network()
  return command.main(
    [
      f'{folder}/run',
      '--split=val,test',
      '--batch=8',
      '--replicates=20',
      f'--data_dir={folder}/data',
    ]
  )


def report(folder: pathlib.Path) -> int:
  """Writes the report of the run that `train` made."""
  from bit_covid.report import command

  return command.main([f'{folder}/run', '--replicates=20'])


def paper(folder: pathlib.Path) -> int:
  """Makes the three runs of a table of the paper."""
  from bit_covid.paper import command

  _use_small_network()
  fields = _DATA | {
    'data.data_dir': str(folder / 'data'),
    'schedule': '(1,2,3,4,5)',
    'checkpoint_every': 2,
    'eval_every': 0,
    'report': False,
  }
  argv = ['table1', '--scale=demo', f'--workdir={folder}/paper']
  for name, value in fields.items():
    argv += ['--set', f'{name}={value}']
  return command.main(argv)


def prepare_data(folder: pathlib.Path) -> int:
  """Draws a data set, stores it and reads it back."""
  from configs import common
  import input_pipeline

  config = common.get_config().data
  config.name, config.data_dir = _DATA['data.name'], str(folder / 'data')
  for split in ('train', 'val', 'test'):
    print(input_pipeline.load_split(config, split).fingerprint)
  return 0


def download(folder: pathlib.Path, url: str) -> int:
  """Downloads a checkpoint into the cache."""
  from bit_covid.weights import find

  find.find('BiT-M-R50x1', cache_dir=folder / 'cache', base_url=url)
  return 0


def _use_small_network() -> None:
  """Puts a network that compiles in a second in the place of the tiny one."""
  from bit_covid.models import resnet_v2

  size = resnet_v2.Size((1, 1), width=8, num_groups=4)
  models = {**resnet_v2.MODELS, 'tiny': size}
  resnet_v2.MODELS = types.MappingProxyType(models)
