# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The code of docs/library.md runs, and so does the notebook's in README.md."""

import pathlib
import re
import shutil

import numpy as np
from PIL import Image
import pytest

import bit_covid
from bit_covid.models import resnet_v2
from bit_covid.weights import bit_npz
from bit_covid.weights import metadata

ROOT = pathlib.Path(__file__).parents[1]
# Code, and what the page says that it prints, if it says so.
_BLOCK = re.compile(r'```python\n(.*?)```(?:\n\n```\n(.*?)```)?', re.DOTALL)
_STEPS = 3


@pytest.fixture
def folder(tmp_path, monkeypatch, random_params, chest, write_dicom, to_gray):
  """A folder with the files that the pages name."""
  run = tmp_path / 'runs/bit_m'
  for path in (run, tmp_path / 'series'):
    path.mkdir(parents=True)
  bit_npz.save(
    run / 'model.npz',
    random_params('tiny'),
    model_name='tiny',
    metadata=metadata.Metadata(
      class_names=('Normal', 'CP', 'NCP'),
      preprocessing={
        'box': 'automatic',
        'crop': 64,
        'antialias': False,
        'range_16bit': [0, 65_535],
      },
      window=(-600.0, 1500.0),
    ),
  )
  for i in range(3):
    write_dicom(
      tmp_path / f'series/{i}.dcm',
      chest(64, seed=i),
      ImagePositionPatient=[0, 0, -5 * i],
    )
  Image.fromarray(to_gray(chest(96))).save(tmp_path / 'slice.png')
  shutil.copytree(tmp_path / 'series', tmp_path / 'scan_folder')
  monkeypatch.chdir(tmp_path)
  return tmp_path


@pytest.fixture
def short_demo(monkeypatch, tfds_dir):
  """The demo on fewer slices and smaller batches."""
  config = bit_covid.get_config('demo')
  config.data.name, config.data.data_dir = 'phantom/tiny', tfds_dir
  config.batch = config.eval_batch = 8
  monkeypatch.setattr(bit_covid, 'get_config', {'demo': config}.get)


def _run(path, names, capsys):
  """Runs all Python of a document and compares what it prints."""
  for code, printed in _BLOCK.findall(path.read_text()):
    code = code.replace('take(400)', f'take({_STEPS})')
    exec(compile(code, path.name, 'exec'), names)
    actual = capsys.readouterr().out
    assert not printed or actual == printed


def test_library_page(folder, short_demo, capsys):
  names = {}
  _run(ROOT / 'docs/library.md', names, capsys)
  # Of `window_lib.to_gray`: 255 * ((-850 + 600) / 1500 + 1 / 2) = 85.
  assert names['gray'].shape == (512, 512)
  assert set(names['gray'].flat) == {85}
  # The loop has trained all of the network, and its file holds the result.
  before = names['pretrained'].params['root']['kernel']
  assert np.abs(names['params']['root']['kernel'] - before).max() > 0
  trained = bit_covid.load(folder / 'model.npz')
  np.testing.assert_array_equal(
    trained.params['head']['kernel'], names['params']['head']['kernel']
  )
  # Every slice of val counted once.
  examples = names['input_pipeline'].load_split(names['config'].data, 'val')
  assert names['total'] == len(examples)
  probabilities = names['table'][['p_Normal', 'p_CP', 'p_NCP']].to_numpy()
  np.testing.assert_allclose(probabilities.sum(axis=1), [1])


def test_optax_loop_of_the_library_page_is_short():
  text = (ROOT / 'docs/library.md').read_text()
  (loop,) = [x for x, _ in _BLOCK.findall(text) if 'def train_step' in x]
  body = loop[loop.index('optimizer = ') :].splitlines()
  assert sum(bool(line.strip()) for line in body) <= 20


def test_notebook_of_the_readme(folder, capsys):
  gray = np.asarray(Image.open('slice.png'))
  names = {'slices': [gray, gray[:80]]}
  _run(ROOT / 'README.md', names, capsys)
  size = resnet_v2.MODELS[names['classifier'].model_name]
  assert names['images'].shape == (2, 64, 64, 1)
  assert names['features'].shape == (2, size.num_features)
  assert names['maps'].shape == (2, 64, 64)
  assert len(names['table']) == 3
