# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tests for the package input_pipeline itself."""

import pathlib
import subprocess
import sys

import ml_collections
import numpy as np
import pytest
import tensorflow as tf

import input_pipeline


def test_a_folder_of_images_is_loaded(tmp_path, data_config, encode, noise):
  path = tmp_path / 'images' / 'train' / 'CP' / 'a.png'
  path.parent.mkdir(parents=True)
  image = noise(20, 30).astype(np.uint16)
  path.write_bytes(encode(image))
  config = data_config(
    name='image_folder',
    path=str(tmp_path / 'images'),
    range_16bit=(0, 255),
    window=(-500, 1400),
  )
  examples = input_pipeline.load_split(config, 'train')
  assert examples.class_names == ('CP',)
  assert examples.window == (-500, 1400)
  # So the range was passed on.
  decoded = tf.io.decode_image(examples.read(0)).numpy()[..., 0]
  np.testing.assert_array_equal(decoded, image)


def test_covidx_ct_is_loaded(tmp_path, data_config, write_covidx):
  folder = write_covidx(tmp_path / 'data', images='pngs')
  config = data_config(
    name='covidx_ct/2a',
    path=str(folder),
    data_dir=str(tmp_path / 'tfds'),
    image_folder='pngs',
  )
  assert input_pipeline.load_split(config, 'test').slice_id.tolist() == [
    'volume-covid19-A-0383_1_ct-0018.png',
    'Normal_1668_6_0100.png',
  ]
  assert (tmp_path / 'tfds' / 'covidx_ct').is_dir()


def test_phantoms_are_loaded_and_batched(tfds_dir, data_config):
  config = data_config(
    name='phantom/tiny', data_dir=tfds_dir, box='annotated', resize=40, crop=32
  )
  examples = input_pipeline.load_split(config, 'train')
  assert len(examples) == 36
  dataset = input_pipeline.train_batches(
    examples, config, batch=36, seed=0, end_step=1
  )
  (batch,) = input_pipeline.as_numpy(dataset)
  assert batch['image'].shape == (36, 32, 32, 1)
  assert sorted(batch['index'].tolist()) == list(range(36))


@pytest.fixture
def config(tfds_dir, data_config):
  """A whole config, as far as `get_dataset` reads it."""
  data = data_config(
    name='phantom/tiny', data_dir=tfds_dir, box='annotated', resize=40, crop=32
  )
  return ml_collections.ConfigDict(
    {'data': data, 'batch': 8, 'eval_batch': 12, 'seed': 3}
  )


def _assert_same(dataset, expected):
  for a, b in zip(dataset, expected, strict=True):
    assert set(a) == set(b)
    for key in a:
      np.testing.assert_array_equal(a[key], b[key], err_msg=key)


def test_the_training_split_is_an_endless_augmented_dataset(config):
  dataset = input_pipeline.get_dataset(config, 'train')
  assert isinstance(dataset, tf.data.Dataset)
  assert dataset.element_spec == {
    'image': tf.TensorSpec((8, 32, 32, 1), tf.uint8),
    'label': tf.TensorSpec((8,), tf.int32),
    'mask': tf.TensorSpec((8,), tf.bool),
    'index': tf.TensorSpec((8,), tf.int64),
  }
  examples = input_pipeline.load_split(config.data, 'train')
  expected = input_pipeline.train_batches(
    examples, config.data, batch=8, seed=3, end_step=9
  )
  _assert_same(dataset.take(9), expected)
  host = input_pipeline.get_dataset(
    config, 'train', first_step=5, host=1, num_hosts=2
  )
  halves = expected.skip(5).map(lambda x: {key: x[key][4:] for key in x})
  _assert_same(host.take(4), halves)


def test_other_splits_are_datasets_of_every_slice_once(config):
  dataset = input_pipeline.get_dataset(config, 'test')
  assert dataset.element_spec['image'].shape == (12, 32, 32, 1)
  index = np.concatenate([batch['index'][batch['mask']] for batch in dataset])
  assert index.tolist() == list(range(27))


def test_which_kind_of_dataset_can_be_said(config):
  once = list(input_pipeline.get_dataset(config, 'train', training=False))
  assert [len(batch['index']) for batch in once] == [12, 12, 12]
  stream = input_pipeline.get_dataset(config, 'test', training=True)
  assert len(list(stream.take(20))) == 20


def test_an_unknown_dataset_is_an_error(data_config):
  with pytest.raises(ValueError, match="no dataset 'covidx'"):
    input_pipeline.load_split(data_config(name='covidx'), 'train')


def test_gpus_are_hidden_from_tensorflow():
  assert tf.config.get_visible_devices('GPU') == []


# TensorFlow itself imports JAX where it can, so what counts is that it need
# not be there. A machine without GPUs shows only that they would be hidden.
_ALONE = """
import sys
sys.modules['jax'] = None
import tensorflow as tf
hidden = []
tf.config.set_visible_devices = lambda *args: hidden.append(args)
import input_pipeline
assert not hidden
input_pipeline.get_dataset
assert ([], 'GPU') in hidden and ([], 'TPU') in hidden, hidden
assert 'bit_covid' not in sys.modules
"""


def test_importing_hides_accelerators_and_works_without_jax():
  root = pathlib.Path(input_pipeline.__file__).parents[1]
  subprocess.run([sys.executable, '-c', _ALONE], cwd=root, check=True)


def test_no_file_of_the_package_names_jax():
  root = pathlib.Path(input_pipeline.__file__).parent
  files = list(root.rglob('*.py'))
  assert len(files) > 10
  for file in files:
    assert 'import jax' not in file.read_text(), file
    assert 'from jax' not in file.read_text(), file
