# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Commands on a small scale, each with all that it writes below one folder.

They run in processes of their own (`attempt`), where the project is imported
already: this module imports none of it, so that the trials start at once.
"""

from collections.abc import Mapping
import pathlib
import shutil
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
_SHORT = {
  'schedule': '(2,8,12,14,16)',
  'log_every': 2,
  'eval_every': 4,
  'checkpoint_every': 2,
}


def train(folder: pathlib.Path, schedule: Mapping[str, object] = _SHORT) -> int:
  """Trains, evaluates and writes a report."""
  from bit_covid import main

  use_small_network()
  fields = _DATA | schedule | {'data.data_dir': folder / 'data'}
  argv = ['--config=configs/demo.py', f'--workdir={folder}/run']
  argv += [f'--config.{name}={value}' for name, value in fields.items()]
  sys.argv[1:] = argv
  return main.main(argv)


def train_without_report(folder: pathlib.Path) -> int:
  """Trains and evaluates, which takes half the time."""
  return train(folder, _SHORT | {'report': False})


def train_long(folder: pathlib.Path, steps: int) -> int:
  """Trains for many steps, with evaluations and checkpoints."""
  ends = tuple(steps * part // 10 for part in (1, 5, 7, 9, 10))
  return train(
    folder,
    {
      'schedule': ends,
      'log_every': 20,
      'eval_every': 100,
      'checkpoint_every': 200,
      'report': False,
    },
  )


def evaluate(folder: pathlib.Path, *flags: str) -> int:
  """Evaluates the run that `train` made."""
  from bit_covid.cli import evaluate as command

  use_small_network()
  argv = [f'{folder}/run', '--split=val,test', '--batch=8']
  return command.main([*argv, f'--data_dir={folder}/data', *flags])


def report(folder: pathlib.Path) -> int:
  """Writes the report of the run that `train` made."""
  from bit_covid.report import command

  return command.main([f'{folder}/run'])


def paper(folder: pathlib.Path) -> int:
  """Makes the three runs of a table of the paper."""
  from bit_covid.paper import command

  use_small_network()
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


def write_scans(folder: pathlib.Path) -> int:
  """Writes the slices of a patient as images, as an archive, as a volume."""
  import nibabel
  import numpy as np
  from PIL import Image

  from configs import common
  import input_pipeline

  config = common.get_config().data
  config.name, config.data_dir = _DATA['data.name'], str(folder / 'data')
  examples = input_pipeline.load_split(config, 'test')
  target = folder / 'scans'
  (target / 'images').mkdir(parents=True)
  for i in range(3):
    image = Image.fromarray(examples.image(i))
    image.save(target / 'images' / f'{i}.png')
  shutil.make_archive(str(target / 'archive'), 'zip', target / 'images')
  # Hounsfield units, in the order of NIfTI's axes.
  gray = np.stack([examples.image(i).T for i in range(3)], axis=-1)
  hounsfield = (gray / 255 * 1500 - 1350).astype(np.int16)
  # From the left to the right of the patient, and from the back to the front.
  affine = np.diag([-1.0, -1.0, 5.0, 1.0])
  nibabel.Nifti1Image(hounsfield, affine).to_filename(target / 'volume.nii.gz')
  return 0


def predict_often(folder: pathlib.Path, count: int) -> int:
  """Predicts the scans of `write_scans` in turn; prints how often."""
  import bit_covid

  use_small_network()
  classifier = bit_covid.load(str(folder / 'run'))
  scans = sorted((folder / 'scans').iterdir())
  for i in range(count):
    table = classifier.predict(scans[i % len(scans)], check=False)
    assert len(table) == 3
    print(f'{i + 1} predictions', flush=True)
  return 0


def page(folder: pathlib.Path) -> int:
  """Serves the page."""
  from bit_covid.app import command

  use_small_network()
  return command.main(
    [f'--checkpoint={folder}/run', '--port=0', '--no_browser']
  )


def use_small_network() -> None:
  """Puts a network that compiles in a second in the place of the tiny one.

  All that is compiled is kept, as it is for larger networks.
  """
  from bit_covid.base import compilation_cache
  from bit_covid.models import resnet_v2

  compilation_cache._LEAST_SECONDS = 0.0
  size = resnet_v2.Size((1, 1), width=8, num_groups=4)
  models = {**resnet_v2.MODELS, 'tiny': size}
  resnet_v2.MODELS = types.MappingProxyType(models)
