# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Images that break while a run reads them."""

import jax
import numpy as np
from PIL import Image
import pytest

from bit_covid.training import run_directory
from bit_covid.training import train
from bit_covid.weights import bit_npz
import input_pipeline
from tests import changed_updates

pytestmark = pytest.mark.usefixtures('small_network')


@pytest.fixture
def data(tmp_path):
  """A folder of images of three splits and three classes."""
  generator = np.random.default_rng(0)
  for split, count in (('train', 4), ('val', 2), ('test', 2)):
    for label in 'ABC':
      folder = tmp_path / 'data' / split / label
      folder.mkdir(parents=True)
      for i in range(count):
        pixels = generator.integers(0, 256, [40, 40], np.uint8)
        Image.fromarray(pixels).save(folder / f'{i}.png')
  return tmp_path / 'data'


@pytest.fixture
def config(make_small_config, data):
  config = make_small_config()
  config.data.name, config.data.path = 'image_folder', str(data)
  config.data.box = 'none'
  config.report = False
  return config


def _cut(path):
  path.write_bytes(path.read_bytes()[:100])


def _replace(path):
  path.write_bytes(path.with_name('0.png').read_bytes())


def _remove(path):
  path.unlink()


def _break_after(step, patch, do):
  """Calls `do()` after a step, or before the first one for step 0."""
  if step == 0:
    original = run_directory.write_facts

    def write_facts(*args):
      original(*args)
      do()

    patch.setattr(run_directory, 'write_facts', write_facts)
    return

  def change(state):
    if int(state.step) == step:
      do()
    return state

  changed_updates.after_each(patch, change)


def test_run_stops_at_a_broken_image_and_goes_on_after_the_repair(
  config, data, tmp_path, monkeypatch
):
  whole, parts = tmp_path / 'whole', tmp_path / 'parts'
  train.train_and_evaluate(config, whole)
  # In a step, in the evaluation of `eval_split`, and in the one at the end.
  for name, after, change in (
    ('train/A/1.png', 1, _cut),
    ('val/B/1.png', 0, _remove),
    ('test/B/1.png', 0, _replace),
  ):
    path = data / name
    content = path.read_bytes()
    with monkeypatch.context() as patch:
      _break_after(after, patch, lambda path=path, do=change: do(path))
      with pytest.raises(input_pipeline.ImageError) as stop:
        train.train_and_evaluate(config, parts)
    steps = [int(x.name) for x in (parts / 'checkpoints').iterdir()]
    text = str(stop.value)
    assert f'The image of slice {name!r}: ' in text
    assert f'Step {max(steps)} of 8 is saved. The same command goes' in text
    assert '\n' not in text
    assert stop.value.exit_code == 1
    path.write_bytes(content)
  train.train_and_evaluate(config, parts)
  for name in ('metrics.jsonl', 'predictions/test.csv', 'report/metrics.json'):
    assert (parts / name).read_bytes() == (whole / name).read_bytes(), name
  jax.tree.map(
    np.testing.assert_array_equal,
    bit_npz.load(parts / 'model.npz').params,
    bit_npz.load(whole / 'model.npz').params,
  )
