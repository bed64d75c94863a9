# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tests for input_pipeline.covidx_ct.covidx_ct_dataset_builder."""

import csv
import hashlib
import re

from etils import epath
import numpy as np
import pytest
import tensorflow_datasets as tfds

from input_pipeline.covidx_ct import covidx_ct_dataset_builder
from input_pipeline.covidx_ct import versions

_DECODERS = {'image': tfds.decode.SkipDecoding()}


def _builder(data_dir, config='2a', **kwargs):
  return covidx_ct_dataset_builder.Builder(
    config=config, data_dir=data_dir, file_format='array_record', **kwargs
  )


def _build(manual_dir, data_dir, config='2a', **kwargs):
  builder = _builder(data_dir, config, **kwargs)
  builder.download_and_prepare(
    download_config=tfds.download.DownloadConfig(manual_dir=manual_dir)
  )
  return builder


@pytest.fixture(scope='module')
def folder(tmp_path_factory, write_covidx):
  return write_covidx(tmp_path_factory.mktemp('covidx') / 'data')


@pytest.fixture(scope='module')
def built(folder):
  return _build(folder, folder.parent / 'tfds')


@pytest.mark.parametrize('split', ['train', 'val', 'test'])
def test_examples_are_the_lines_in_order_and_the_files_byte_for_byte(
  built, folder, covidx_slices, split
):
  source = built.as_data_source(split, decoders=_DECODERS)
  assert len(source) == len(covidx_slices[split])
  for example, entry in zip(source, covidx_slices[split], strict=True):
    file = folder / '2A_images' / entry.name
    assert example['image'] == file.read_bytes()
    assert example['slice_id'].decode() == entry.name
    assert example['label'] == entry.label
    assert example['box'].tolist() == list(entry.box)
    assert example['box'].dtype == np.int32
    assert example['patient_id'].decode() == entry.patient
    assert example['source'].decode() == entry.source


def test_images_decode_to_the_pixels_of_the_file(built, noise):
  # The first of val is wider and higher than the others.
  image = built.as_data_source('val')[0]['image']
  np.testing.assert_array_equal(image[..., 0], noise(51, 63, seed=0))


def test_the_classes_are_in_order(built):
  assert built.info.features['label'].names == ['Normal', 'CP', 'NCP']


@pytest.mark.parametrize(
  ('config', 'train', 'held_out'),
  [
    ('1', '1', '1'),
    ('2a', '2A', '2A'),
    ('2b', '2B', '2A'),
    ('3a', '3A', '3A'),
    ('3b', '3B', '3A'),
  ],
)
def test_a_config_names_its_split_files(config, train, held_out):
  configs = covidx_ct_dataset_builder.Builder.builder_configs
  versions = {'1', '2a', '2b', '3a', '3b'}
  assert set(configs) == versions | {f'{name}_512' for name in versions}
  name = configs[config].split_file_name
  assert name('train') == f'train_COVIDx_CT-{train}.txt'
  assert name('val') == f'val_COVIDx_CT-{held_out}.txt'
  assert name('test') == f'test_COVIDx_CT-{held_out}.txt'


def test_2a_is_the_default_config(tmp_path):
  builder = covidx_ct_dataset_builder.Builder(data_dir=tmp_path)
  assert builder.builder_config.name == '2a'


def test_2b_has_its_own_train_split_and_the_others_of_2a(
  tmp_path, write_covidx
):
  folder = write_covidx(tmp_path / 'data')
  list_2a = folder / 'train_COVIDx_CT-2A.txt'
  lines = list_2a.read_text().splitlines(keepends=True)
  (folder / 'train_COVIDx_CT-2B.txt').write_text(''.join(lines[:2]))
  sizes = {
    name: split.num_examples
    for name, split in _build(folder, tmp_path, '2b').info.splits.items()
  }
  assert sizes == {'train': 2, 'val': 3, 'test': 2}


def test_only_the_splits_that_are_there_are_built(tmp_path, write_covidx):
  folder = write_covidx(tmp_path / 'data', splits=('train', 'test'))
  builder = _build(folder, tmp_path / 'tfds')
  assert set(builder.info.splits) == {'train', 'test'}


def test_the_image_folder_can_have_another_name(
  tmp_path, write_covidx, covidx_slices
):
  folder = write_covidx(tmp_path / 'data', splits=('val',), images='pngs')
  builder = _build(folder, tmp_path / 'tfds', image_folder='pngs')
  source = builder.as_data_source('val', decoders=_DECODERS)
  assert source[1]['image'] == (
    (folder / 'pngs' / covidx_slices['val'][1].name).read_bytes()
  )


@pytest.mark.usefixtures('built')
def test_a_prepared_dataset_knows_its_split_files(folder):
  again = _builder(folder.parent / 'tfds')
  assert again.info.metadata['split_digests'] == {
    split: hashlib.sha256(
      (folder / f'{split}_COVIDx_CT-2A.txt').read_bytes()
    ).hexdigest()
    for split in ('train', 'val', 'test')
  }


def _no_image(path, encode, noise):
  path.unlink()


def _truncated(path, encode, noise):
  whole = path.read_bytes()
  path.write_bytes(whole[: len(whole) // 2])


def _without_end(path, encode, noise):
  path.write_bytes(path.read_bytes()[:-12])


def _empty(path, encode, noise):
  path.write_bytes(b'')


def _jpeg(path, encode, noise):
  path.write_bytes(encode(noise(40, 48), 'JPEG'))


def _sixteen_bits(path, encode, noise):
  path.write_bytes(encode(noise(40, 48).astype(np.uint16) * 257))


def _narrow(path, encode, noise):
  path.write_bytes(encode(noise(40, 39)))


def _low(path, encode, noise):
  path.write_bytes(encode(noise(37, 48)))


# The second slice of test: its box is 8 9 40 38.
@pytest.mark.parametrize(
  ('spoil', 'error', 'message'),
  [
    (_no_image, FileNotFoundError, 'there is no image'),
    (_truncated, ValueError, 'not a readable PNG'),
    (_without_end, ValueError, 'not a readable PNG'),
    (_empty, ValueError, r'not a readable PNG or JPEG image \(0 bytes\)'),
    (_jpeg, ValueError, 'is JPEG of mode L; expected an 8-bit PNG'),
    (_sixteen_bits, ValueError, 'is PNG of mode I;16; expected an 8-bit PNG'),
    (_narrow, ValueError, r'the box \(8, 9, 40, 38\) .* 39 x 40 pixels'),
    (_low, ValueError, r'the box \(8, 9, 40, 38\) .* 48 x 37 pixels'),
  ],
)
def test_a_bad_image_is_an_error_and_leaves_no_dataset(
  tmp_path, write_covidx, encode, noise, spoil, error, message
):
  folder = write_covidx(tmp_path / 'data')
  path = folder / '2A_images' / 'Normal_1668_6_0100.png'
  good = path.read_bytes()
  spoil(path, encode, noise)
  with pytest.raises(error, match=message) as info:
    _build(folder, tmp_path / 'tfds')
  assert str(info.value).startswith(f'{folder}/test_COVIDx_CT-2A.txt:2: ')
  assert path.name in str(info.value)
  assert not _builder(tmp_path / 'tfds').data_path.exists()
  assert not list((tmp_path / 'tfds').rglob('*.array_record*'))
  path.write_bytes(good)
  source = _build(folder, tmp_path / 'tfds').as_data_source(
    'test', decoders=_DECODERS
  )
  assert [example['image'] == good for example in source] == [False, True]


def test_a_box_may_end_at_the_border(tmp_path, write_covidx, encode, noise):
  folder = write_covidx(tmp_path / 'data', splits=('test',))
  path = folder / '2A_images' / 'Normal_1668_6_0100.png'
  path.write_bytes(encode(noise(38, 40)))
  builder = _build(folder, tmp_path / 'tfds')
  assert builder.info.splits['test'].num_examples == 2


def test_all_missing_images_are_noticed_before_any_is_read(
  tmp_path, write_covidx
):
  folder = write_covidx(tmp_path / 'data')
  # Train comes first and would be found unreadable first.
  _empty(folder / '2A_images' / 'NCP_91_1328_0032.png', None, None)
  (folder / '2A_images' / 'Normal_1668_6_0100.png').unlink()
  with pytest.raises(FileNotFoundError, match='Normal_1668_6_0100'):
    _build(folder, tmp_path / 'tfds')


def test_a_patient_in_two_splits_is_an_error(tmp_path, write_covidx):
  folder = write_covidx(tmp_path / 'data')
  with (folder / 'test_COVIDx_CT-2A.txt').open('a') as file:
    file.write('NCP_91_9_0001.png 2 0 1 5 4\n')
  with pytest.raises(ValueError, match=r"2A.txt:3: patient 'NCP_91'"):
    _build(folder, tmp_path / 'tfds')
  assert not _builder(tmp_path / 'tfds').data_path.exists()


def test_no_split_file_is_an_error_that_names_those_expected(
  tmp_path, write_covidx
):
  folder = write_covidx(tmp_path / 'data', version='3A')
  with pytest.raises(
    FileNotFoundError,
    match=r'one or more of train_COVIDx_CT-2B\.txt, val_COVIDx_CT-2A\.txt, '
    r'test_COVIDx_CT-2A\.txt',
  ):
    _build(folder, tmp_path / 'tfds', '2b')


@pytest.mark.parametrize(
  ('config', 'override', 'expected'),
  [
    ('2a', '', 'no image folder 2A_images in '),
    ('2b', '', 'no image folder 2B_images or 2A_images in '),
    ('2a', 'pngs', 'no image folder pngs in '),
  ],
)
def test_no_image_folder_is_an_error_that_lists_the_folders(
  tmp_path, write_covidx, config, override, expected
):
  folder = write_covidx(tmp_path / 'data', images='slices')
  (folder / 'docs').mkdir()
  with pytest.raises(FileNotFoundError) as error:
    _build(folder, tmp_path / 'tfds', config, image_folder=override)
  assert expected in str(error.value)
  assert "its folders are ['docs', 'slices']" in str(error.value)


def test_split_digests_are_of_the_files_that_are_there(tmp_path):
  (tmp_path / 'val_COVIDx_CT-2A.txt').write_bytes(b'abc')
  configs = covidx_ct_dataset_builder.Builder.builder_configs
  digests = versions.split_digests(configs['2b'], epath.Path(tmp_path))
  assert list(digests) == ['val']
  # FIPS 180-2, appendix B.1.
  assert re.fullmatch('ba7816bf.{48}f20015ad', digests['val'])


@pytest.fixture(scope='module')
def real(real_data, tmp_path_factory):
  return _build(
    real_data / 'covidx_ct_sample', tmp_path_factory.mktemp('real'), '3a'
  )


def test_the_real_sample_builds(real, real_data):
  sample = real_data / 'covidx_ct_sample'
  with (sample / 'manifest.csv').open(newline='') as file:
    manifest = {row['file']: row for row in csv.DictReader(file)}
  sizes = {name: split.num_examples for name, split in real.info.splits.items()}
  assert sizes == {'train': 279, 'test': 265}
  for split in sizes:
    for example in real.as_data_source(split, decoders=_DECODERS):
      row = manifest[example['slice_id'].decode()]
      digest = hashlib.sha256(example['image']).hexdigest()
      assert digest == row['sha256']
