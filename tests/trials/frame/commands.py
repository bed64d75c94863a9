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

import numpy as np

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
  use_small_network()
  return train_tiny(folder, schedule)


def train_tiny(
  folder: pathlib.Path, schedule: Mapping[str, object] = _SHORT
) -> int:
  """Does the same with the tiny network, which other processes know too."""
  from bit_covid import main

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
  slices = _test_slices(folder)[:3]
  target = folder / 'scans'
  _write_images(target / 'images', slices)
  shutil.make_archive(str(target / 'archive'), 'zip', target / 'images')
  _write_volume(target / 'volume.nii.gz', slices)
  return 0


def write_mixed_scans(folder: pathlib.Path) -> int:
  """Writes fifty scans: images, archives and volumes, every tenth damaged."""
  slices = _test_slices(folder)
  target = folder / 'mixed'
  for i in range(50):
    # No two scans are the same.
    scan = [slices[(i + j) % len(slices)].copy() for j in range(3)]
    scan[0][0, 0] = i
    images, rest = target / f'{i:02}', i % 3
    _write_images(images, scan)
    if rest == 1:
      shutil.make_archive(str(images), 'zip', images)
    if rest == 2:
      _write_volume(target / f'{i:02}.nii.gz', scan)
    if rest:
      shutil.rmtree(images)
    if i % 10 == 9:
      for path in [*target.glob(f'{i:02}.*'), *images.glob('*')]:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
  return 0


def _test_slices(folder: pathlib.Path) -> list[np.ndarray]:
  from configs import common
  import input_pipeline

  config = common.get_config().data
  config.name, config.data_dir = _DATA['data.name'], str(folder / 'data')
  examples = input_pipeline.load_split(config, 'test')
  return [examples.image(i) for i in range(len(examples))]


def _write_images(target: pathlib.Path, slices: list[np.ndarray]) -> None:
  from PIL import Image

  target.mkdir(parents=True)
  for i, image in enumerate(slices):
    Image.fromarray(image).save(target / f'{i}.png')


def _write_volume(path: pathlib.Path, slices: list[np.ndarray]) -> None:
  import nibabel

  # Hounsfield units, in the order of NIfTI's axes.
  gray = np.stack([x.T for x in slices], axis=-1)
  hounsfield = (gray / 255 * 1500 - 1350).astype(np.int16)
  # From the left to the right of the patient, and from the back to the front.
  affine = np.diag([-1.0, -1.0, 5.0, 1.0])
  nibabel.Nifti1Image(hounsfield, affine).to_filename(path)


def predict(folder: pathlib.Path, *flags: str) -> int:
  """Scores `write_mixed_scans` with `train_tiny`, but for what is damaged."""
  from bit_covid import predict as program
  from bit_covid.base import command

  argv = [f'{folder}/mixed', f'--checkpoint={folder}/run', '--nifti']
  argv += [f'--output={folder}/results', *flags]
  # This code says that some could not be scored.
  return int(program.main(argv) != command.NOT_DONE)


def predict_in_two_processes(folder: pathlib.Path) -> int:
  """Does the same with `--jobs=2`."""
  return predict(folder, '--jobs=2')


def score_archive(folder: pathlib.Path, flag: str = '--workers=1') -> int:
  """Scores the same as an archive, with Dask."""
  from bit_covid.archive import command as program
  from bit_covid.base import command

  argv = ['predict', f'{folder}/mixed', f'--checkpoint={folder}/run']
  code = program.main([*argv, f'--output={folder}/results', flag])
  return 0 if code == command.NOT_DONE else code


def score_archive_without_dask(folder: pathlib.Path) -> int:
  """Does the same without Dask."""
  return score_archive(folder, '--shard=0/1')


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
