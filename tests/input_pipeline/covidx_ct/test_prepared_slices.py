# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tests for input_pipeline.covidx_ct.prepared_slices."""

import hashlib

import numpy as np
import pytest
import tensorflow_datasets as tfds
from tensorflow_datasets.core import shuffle

from input_pipeline import batches
from input_pipeline import data_checks
from input_pipeline import data_source
from input_pipeline import preprocess
from input_pipeline import tfds_examples
from input_pipeline import threads
from input_pipeline.covidx_ct import covidx_ct_dataset_builder

SIZES = {'train': 512, 'val': 480, 'test': 480}


def _load(split, data_dir, *, path='', name='covidx_ct/2a_512'):
  source = data_source.DataSource(name, path=str(path), data_dir=str(data_dir))
  return tfds_examples.load(source, split)


@pytest.fixture(scope='module')
def folder(tmp_path_factory, write_covidx):
  return write_covidx(tmp_path_factory.mktemp('covidx') / 'data')


@pytest.fixture(scope='module')
def data_dir(folder):
  """Where both kinds are prepared."""
  for name in ('covidx_ct/2a', 'covidx_ct/2a_512'):
    _load('train', folder.parent, path=folder, name=name)
  return folder.parent


@pytest.fixture
def config(data_config):
  return data_config(box='annotated', resize=512, crop=480)


def _train(examples, config):
  return list(
    batches.as_numpy(
      batches.train_batches(examples, config, batch=4, seed=3, end_step=3)
    )
  )


def _evaluation(examples, config, *, batch):
  return list(
    batches.as_numpy(batches.evaluation_batches(examples, config, batch=batch))
  )


def _assert_same_batches(first, second):
  for a, b in zip(first, second, strict=True):
    for key in a:
      np.testing.assert_array_equal(a[key], b[key], err_msg=key)


@pytest.mark.parametrize('version', ['1', '2a', '2b', '3a', '3b'])
def test_each_version_has_the_variant(version):
  configs = covidx_ct_dataset_builder.Builder.builder_configs
  whole, prepared = configs[version], configs[f'{version}_512']
  assert prepared.is_prepared
  assert not whole.is_prepared
  for split in SIZES:
    assert prepared.split_file_name(split) == whole.split_file_name(split)


def test_training_batches_are_those_of_whole_slices(data_dir, config):
  whole = _load('train', data_dir, name='covidx_ct/2a')
  _assert_same_batches(
    _train(_load('train', data_dir), config), _train(whole, config)
  )


@pytest.mark.parametrize('split', ['val', 'test'])
def test_evaluation_batches_are_those_of_whole_slices(data_dir, config, split):
  _assert_same_batches(
    *(
      _evaluation(_load(split, data_dir, name=name), config, batch=2)
      for name in ('covidx_ct/2a_512', 'covidx_ct/2a')
    )
  )


@pytest.mark.parametrize(('split', 'size'), SIZES.items())
def test_slices_are_stored_as_they_are_used(
  data_dir, covidx_slices, split, size
):
  examples = _load(split, data_dir)
  whole = _load(split, data_dir, name='covidx_ct/2a')
  assert examples.preparation == preprocess.Preprocessing(
    box='annotated', resize=size, crop=size, antialias=False
  )
  assert (examples.box == [0, 0, size, size]).all()
  for column in ('slice_id', 'patient_id', 'source', 'label'):
    np.testing.assert_array_equal(
      getattr(examples, column), getattr(whole, column)
    )
  for i in range(len(covidx_slices[split])):
    pixels = examples.read(i)
    assert len(pixels) == size * size
    assert examples.digest[i] == hashlib.sha256(pixels).hexdigest()[:16]
    image = examples.image(i)
    assert image.tobytes() == pixels
    assert (image.shape, image.dtype) == ((size, size), np.uint8)


def test_the_fingerprint_is_another(data_dir):
  whole = _load('train', data_dir, name='covidx_ct/2a')
  assert _load('train', data_dir).fingerprint != whole.fingerprint


def test_a_part_of_a_split_is_prepared_too(data_dir):
  examples = _load('train', data_dir)
  part = examples.take([3, 1])
  np.testing.assert_array_equal(part.image(0), examples.image(3))


def test_tfds_reads_it_as_any_other(data_dir):
  builder = covidx_ct_dataset_builder.Builder(
    config='2a_512', data_dir=data_dir, file_format='array_record'
  )
  examples = _load('val', data_dir)
  for i, row in enumerate(builder.as_data_source('val')):
    assert row['image'].shape == (480, 480, 1)
    np.testing.assert_array_equal(row['image'][..., 0], examples.image(i))


def test_files_are_the_same_whatever_the_threads(tmp_path, folder, monkeypatch):
  contents = []
  for count in (1, 5):
    monkeypatch.setattr(threads, 'num_threads', lambda n=count: n)
    _load('train', tmp_path / str(count), path=folder)
    paths = sorted((tmp_path / str(count)).rglob('*.array_record*'))
    contents.append([(path.name, path.read_bytes()) for path in paths])
  assert len(contents[0]) == 3
  assert contents[0] == contents[1]


def test_a_split_is_not_held_in_memory_as_a_whole(
  tmp_path, folder, covidx_slices, monkeypatch
):
  # From there on tfds keeps examples in files, by the range of their keys.
  monkeypatch.setattr(shuffle, 'MAX_MEM_BUFFER_SIZE', 1)
  most = []

  def read_values(bucket, read=shuffle._Bucket.read_values):
    values = list(read(bucket))
    most.append(len(values))
    return values

  monkeypatch.setattr(shuffle._Bucket, 'read_values', read_values)
  examples = _load('train', tmp_path, path=folder)
  assert max(most) == 1
  expected = [entry.name for entry in covidx_slices['train']]
  assert examples.slice_id.tolist() == expected


def test_other_formats_are_left_to_tfds(tmp_path, folder):
  builder = covidx_ct_dataset_builder.Builder(
    config='2a_512', data_dir=tmp_path, file_format='tfrecord'
  )
  builder.download_and_prepare(
    download_config=tfds.download.DownloadConfig(manual_dir=folder)
  )
  images = [row['image'] for row in builder.as_dataset(split='val')]
  assert [image.shape for image in images] == [(480, 480, 1)] * 3


@pytest.mark.parametrize(
  ('change', 'message'),
  [
    ({'resize': 500}, r'resize is 500, .* prepared with 512'),
    ({'box': 'none'}, r"box is 'none', .* prepared with 'annotated'"),
    ({'box': 'automatic'}, r"box is 'automatic', .* with 'annotated'"),
    ({'antialias': True}, r'antialias is True, .* prepared with False'),
  ],
)
def test_a_config_that_asks_for_other_slices_is_refused(
  data_dir, config, change, message
):
  examples = _load('train', data_dir)
  config.update(change)
  for check in (data_checks.check_training, _train):
    with pytest.raises(ValueError, match=message) as error:
      check(examples, config)
    assert "'covidx_ct/2a'" in str(error.value)


def test_a_smaller_crop_is_refused_for_evaluation_only(data_dir, config):
  config.crop = 448
  _train(_load('train', data_dir), config)
  examples = _load('val', data_dir)
  for check in (
    data_checks.check_evaluation,
    lambda *args: batches.evaluation_batches(*args, batch=2),
  ):
    with pytest.raises(ValueError, match=r'crop is 448, .* with 480'):
      check(examples, config)


def test_a_bad_image_is_an_error_with_file_and_line(tmp_path, write_covidx):
  folder = write_covidx(tmp_path / 'data')
  path = folder / '2A_images' / 'Normal_1668_6_0100.png'
  path.write_bytes(path.read_bytes()[:-200])
  with pytest.raises(ValueError, match=r'test_COVIDx_CT-2A\.txt:2: .* PNG'):
    _load('train', tmp_path, path=folder)
  assert not list(tmp_path.rglob('*.array_record*'))


def test_the_real_sample_is_the_same_both_ways(tmp_path, real_data, config):
  sample = real_data / 'covidx_ct_sample'
  for split in ('train', 'test'):
    prepared, whole = (
      _load(split, tmp_path, path=sample, name=f'covidx_ct/{name}')
      for name in ('3a_512', '3a')
    )
    rows = np.arange(0, len(whole), 40)
    if split == 'train':
      _assert_same_batches(
        *(_train(x.take(rows), config) for x in (prepared, whole))
      )
    else:
      _assert_same_batches(
        *(_evaluation(x.take(rows), config, batch=4) for x in (prepared, whole))
      )
