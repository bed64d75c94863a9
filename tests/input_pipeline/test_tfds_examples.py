# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tests for input_pipeline.tfds_examples."""

from concurrent import futures
import os
import pathlib
import re
import shutil
import threading

import numpy as np
from PIL import Image
import pytest

from input_pipeline import data_source
from input_pipeline import examples as examples_lib
from input_pipeline import phantom
from input_pipeline import tfds_examples

_PHANTOM = str(phantom.Builder.VERSION)


def _prepared(data_dir):
  """Returns the folder of prepared COVIDx CT-2A."""
  return pathlib.Path(data_dir) / 'covidx_ct' / '2a' / '1.0.0'


def _load(split, data_dir, *, path='', name='covidx_ct/2a', **kwargs):
  source = data_source.DataSource(
    name, path=str(path), data_dir=str(data_dir), **kwargs
  )
  return tfds_examples.load(source, split)


def _assert_equal(first, second):
  assert first.class_names == second.class_names
  for name in ('slice_id', 'patient_id', 'source', 'label', 'box', 'digest'):
    a, b = getattr(first, name), getattr(second, name)
    assert a.dtype == b.dtype
    np.testing.assert_array_equal(a, b, err_msg=name)
  assert first.fingerprint == second.fingerprint
  for i in range(len(first)):
    assert first.read(i) == second.read(i)


@pytest.fixture
def folder(tmp_path, write_covidx):
  return write_covidx(tmp_path / 'data')


@pytest.mark.parametrize('split', ['train', 'val', 'test'])
def test_a_split_has_what_its_file_says(tmp_path, folder, covidx_slices, split):
  examples = _load(split, tmp_path, path=folder)
  expected = covidx_slices[split]
  assert examples.class_names == ('Normal', 'CP', 'NCP')
  assert examples.window == (-600, 1500)
  assert examples.slice_id.tolist() == [entry.name for entry in expected]
  assert examples.patient_id.tolist() == [entry.patient for entry in expected]
  assert examples.source.tolist() == [entry.source for entry in expected]
  assert examples.label.tolist() == [entry.label for entry in expected]
  assert examples.box.tolist() == [list(entry.box) for entry in expected]
  assert (examples.label.dtype, examples.box.dtype) == (np.int32, np.int32)
  # Backwards: access is by position.
  for i in reversed(range(len(expected))):
    file = folder / '2A_images' / expected[i].name
    assert examples.read(np.int64(i)) == file.read_bytes()


def test_the_image_folder_is_passed_on(tmp_path, write_covidx):
  folder = write_covidx(tmp_path / 'data', images='pngs')
  assert len(_load('val', tmp_path, path=folder, image_folder='pngs')) == 3


def test_phantoms_need_no_folder(tfds_dir):
  examples = _load('val', tfds_dir, name='phantom/tiny')
  assert len(examples) == 18
  assert np.bincount(examples.label).tolist() == [6, 6, 6]
  assert examples.class_names == ('Normal', 'CP', 'NCP')
  assert examples.read(0).startswith(b'\x89PNG')


def test_without_room_the_folder_is_named_and_nothing_is_left(
  tmp_path, largest_file
):
  with pytest.raises(OSError, match='large') as caught, largest_file(20_000):
    _load('val', tmp_path, name='phantom/tiny')
  folder = tmp_path / 'phantom' / 'tiny' / _PHANTOM
  assert caught.value.filename == str(folder)
  assert not list(folder.parent.iterdir())


def test_a_second_load_gives_the_same(tmp_path, folder):
  first = _load('train', tmp_path, path=folder)
  _assert_equal(first, _load('train', tmp_path, path=folder))
  # The prepared dataset is enough.
  _assert_equal(first, _load('train', tmp_path))


def test_a_second_load_reads_the_saved_table(tmp_path, folder):
  _load('train', tmp_path, path=folder)
  path = _prepared(tmp_path) / 'covidx_ct-train.table.npz'
  with np.load(path) as file:
    table = dict(file)
  np.savez(path, **(table | {'source': np.array(['the table'] * 5)}))
  assert set(_load('train', tmp_path).source) == {'the table'}
  np.savez(path, **{name: column[:4] for name, column in table.items()})
  with pytest.raises(ValueError, match='has 4 slices, the dataset 5'):
    _load('train', tmp_path)


def test_records_that_vanished_are_an_error_with_slice_and_file(
  tmp_path, folder
):
  examples = _load('test', tmp_path, path=folder)
  (path,) = tmp_path.rglob('*-test.array_record*')
  path.unlink()
  name = examples.slice_id[1]
  with pytest.raises(ValueError, match=rf"{name}': .*{path.name}") as error:
    examples.image(1)
  assert '\n' not in str(error.value)


def _cut(path):
  with path.open('r+b') as file:
    file.truncate(100)


def _empty(path):
  _cut(path)
  with path.open('r+b') as file:
    file.truncate(0)


def _put_another_split_in_its_place(path):
  other = path.with_name(path.name.replace('-test.', '-val.'))
  path.write_bytes(other.read_bytes())


def _rename_the_folder(path):
  path.parent.rename(path.parent.with_name('renamed'))


@pytest.mark.parametrize('is_open', [False, True])
@pytest.mark.parametrize(
  'change', [_cut, _empty, _put_another_split_in_its_place, _rename_the_folder]
)
def test_records_that_change_during_a_run_are_found(
  tmp_path, folder, change, is_open
):
  _load('test', tmp_path, path=folder)
  examples = _load('test', tmp_path)
  (path,) = tmp_path.rglob('*-test.array_record*')
  if is_open:
    examples.image(0)
  change(path)
  with pytest.raises(examples_lib.ImageError) as error:
    examples.image(0)
  assert str(path) in str(error.value)
  assert examples.slice_id[0] in str(error.value)
  assert '\n' not in str(error.value)


def test_records_that_were_replaced_between_two_starts_are_found(
  tmp_path, folder, write_covidx
):
  before = _load('train', tmp_path / 'a', path=folder)
  other = write_covidx(tmp_path / 'other')
  _change_pixel(other)
  changed = _load('train', tmp_path / 'b', path=other)
  first, second = (
    next((tmp_path / x).rglob('*-train.array_record*')) for x in 'ab'
  )
  first.write_bytes(second.read_bytes())
  _assert_equal(_load('train', tmp_path / 'a'), changed)
  assert before.fingerprint != changed.fingerprint


def test_a_table_that_cannot_be_kept_is_no_error(tmp_path, folder, caplog):
  before = _load('train', tmp_path, path=folder)
  path = _prepared(tmp_path) / 'covidx_ct-train.table.npz'
  path.unlink()
  # In the way of the file, also for a user who may write everywhere.
  path.with_name(f'.{path.name}.partial').mkdir()
  _assert_equal(_load('train', tmp_path), before)
  assert 'table.npz is made at every start' in caplog.text


def test_a_table_without_room_leaves_nothing_half(
  tmp_path, folder, largest_file, caplog
):
  before = _load('train', tmp_path, path=folder)
  path = _prepared(tmp_path) / 'covidx_ct-train.table.npz'
  path.unlink()
  names = {x.name for x in path.parent.iterdir()}
  with largest_file(500):
    _assert_equal(_load('train', tmp_path), before)
  assert 'table.npz is made at every start' in caplog.text
  assert {x.name for x in path.parent.iterdir()} == names


def test_two_first_starts_at_once_prepare_the_data_once(tmp_path, caplog):
  # What a process leaves that is killed while it prepares.
  left = tmp_path / 'phantom' / 'tiny' / f'incomplete.AB12CD_{_PHANTOM}'
  left.mkdir(parents=True)
  facts = tmp_path / 'phantom' / '.config' / 'incomplete.12ab.metadata.json'
  facts.parent.mkdir()
  facts.touch()
  together = threading.Barrier(2)

  def load(_):
    together.wait()
    return _load('val', tmp_path, name='phantom/tiny')

  with futures.ThreadPoolExecutor(2) as pool:
    _assert_equal(*pool.map(load, range(2)))
  # The first one, too, may find the lock taken when it asks again.
  assert 'Waiting for another process' in caplog.text
  names = {path.name for path in left.parent.iterdir()}
  assert names == {_PHANTOM}
  assert not facts.exists()


@pytest.mark.parametrize(
  'name', ['covidx_ct/9', 'covidx_ct', 'covidx_ct/', 'mnist', '', 'phantom/2a']
)
def test_an_unknown_dataset_is_an_error_that_lists_the_known(tmp_path, name):
  with pytest.raises(ValueError, match=re.escape(repr(name))) as error:
    _load('train', tmp_path, name=name)
  for known in (
    'image_folder',
    *(f'covidx_ct/{version}' for version in ('1', '2a', '2b', '3a', '3b')),
    'covidx_ct/2a_512',
    'phantom/demo',
    'phantom/tiny',
  ):
    assert known in str(error.value)


def test_unprepared_and_without_path_is_an_error_with_the_remedy(tmp_path):
  with pytest.raises(ValueError, match=r'set config\.data\.path') as error:
    _load('train', tmp_path)
  assert 'covidx_ct/2a' in str(error.value)
  assert 'https://www.kaggle.com/datasets/hgunraj/covidxct' in str(error.value)


def test_an_empty_folder_is_an_error_in_our_words(tmp_path):
  (tmp_path / 'empty').mkdir()
  with pytest.raises(ValueError, match=r'set config\.data\.path') as error:
    _load('train', tmp_path, path=tmp_path / 'empty')
  assert 'manual' not in str(error.value)


def test_preparing_prints_nothing(tmp_path, folder, capfd):
  _load('train', tmp_path, path=folder)
  assert _prepared(tmp_path).exists()
  assert capfd.readouterr() == ('', '')


def test_a_path_that_is_no_folder_is_an_error(tmp_path):
  missing = tmp_path / 'missing'
  with pytest.raises(FileNotFoundError, match=re.escape(str(missing))):
    _load('train', tmp_path, path=missing)


def test_an_unknown_split_is_an_error_that_lists_the_prepared_ones(
  tmp_path, write_covidx
):
  folder = write_covidx(tmp_path / 'data', splits=('train', 'test'))
  with pytest.raises(
    ValueError, match="no split 'val'; it was prepared with train, test in"
  ):
    _load('val', tmp_path, path=folder)


def _append(folder):
  with (folder / 'val_COVIDx_CT-2A.txt').open('a') as file:
    file.write('NCP_911_1_0001.png 2 0 5 48 33\n')


def _move_a_box(folder):
  path = folder / 'val_COVIDx_CT-2A.txt'
  path.write_text(path.read_text().replace('10 20 63 50', '11 20 63 50'))


def _remove_a_split(folder):
  (folder / 'val_COVIDx_CT-2A.txt').unlink()


@pytest.mark.parametrize('change', [_append, _move_a_box, _remove_a_split])
def test_a_dataset_of_other_split_files_is_refused(tmp_path, folder, change):
  before = _load('val', tmp_path, path=folder)
  change(folder)
  with pytest.raises(ValueError, match='from other split files') as error:
    _load('val', tmp_path, path=folder)
  assert str(_prepared(tmp_path)) in str(error.value)
  assert str(folder) in str(error.value)
  # One of the remedies that the message names.
  _assert_equal(before, _load('val', tmp_path))


def _replace_an_image(folder):
  path = folder / '2A_images' / 'NCP_911_1_0000.png'
  path.write_bytes(path.read_bytes() + b'more')


def _rewrite_an_image(folder):
  path = folder / '2A_images' / 'NCP_911_1_0000.png'
  content, time = path.read_bytes(), path.stat().st_mtime_ns
  path.write_bytes(content)
  os.utime(path, ns=(0, time + 1))


def _remove_an_image(folder):
  (folder / '2A_images' / 'NCP_911_1_0000.png').unlink()


@pytest.mark.parametrize('name', ['covidx_ct/2a', 'covidx_ct/2a_512'])
@pytest.mark.parametrize(
  'change', [_replace_an_image, _rewrite_an_image, _remove_an_image]
)
def test_a_dataset_of_other_images_is_refused(tmp_path, folder, change, name):
  before = _load('val', tmp_path, path=folder, name=name)
  change(folder)
  with pytest.raises(ValueError, match='from other images') as error:
    _load('val', tmp_path, path=folder, name=name)
  assert '1 of val have another' in str(error.value)
  assert 'such as NCP_911_1_0000.png' in str(error.value)
  _assert_equal(before, _load('val', tmp_path, name=name))
  # The other splits are as they were.
  _load('test', tmp_path, path=folder, name=name)


def test_images_are_not_needed_once_they_are_prepared(tmp_path, folder):
  before = _load('val', tmp_path, path=folder)
  shutil.rmtree(folder / '2A_images')
  _assert_equal(before, _load('val', tmp_path, path=folder))


def test_data_of_an_earlier_version_are_not_compared(tmp_path, folder, caplog):
  before = _load('val', tmp_path, path=folder)
  (_prepared(tmp_path) / 'covidx_ct-val.images.npy').unlink()
  _replace_an_image(folder)
  _assert_equal(before, _load('val', tmp_path, path=folder))
  assert 'whether its images have changed is not known' in caplog.text


def test_a_failed_preparation_is_not_taken_for_a_dataset(tmp_path, folder):
  path = folder / '2A_images' / 'Normal_1668_6_0100.png'
  good = path.read_bytes()
  path.write_bytes(good[:100])
  for _ in range(2):
    with pytest.raises(ValueError, match=r'test_COVIDx_CT-2A\.txt:2: '):
      _load('train', tmp_path, path=folder)
  path.write_bytes(good)
  assert len(_load('train', tmp_path, path=folder)) == 5


def _change_label(folder):
  path = folder / 'train_COVIDx_CT-2A.txt'
  path.write_text(path.read_text().replace('0001.png 1 ', '0001.png 2 '))


def _change_box(folder):
  path = folder / 'train_COVIDx_CT-2A.txt'
  path.write_text(path.read_text().replace(' 1 2 3 4\n', ' 1 2 3 5\n'))


def _change_id(folder):
  path = folder / 'train_COVIDx_CT-2A.txt'
  path.write_text(path.read_text().replace('CP_7_3_0001', 'CP_7_3_0002'))
  image = folder / '2A_images' / 'CP_7_3_0001.png'
  image.rename(image.with_name('CP_7_3_0002.png'))


def _change_pixel(folder):
  path = folder / '2A_images' / 'CP_7_3_0001.png'
  pixels = np.array(Image.open(path))
  pixels[3, 4] ^= 1
  Image.fromarray(pixels).save(path)


@pytest.mark.parametrize(
  ('change', 'changed'),
  [
    (lambda folder: None, set()),
    (_change_label, {'label'}),
    (_change_box, {'box'}),
    (_change_id, {'slice_id'}),
    (_change_pixel, {'digest'}),
  ],
)
def test_any_change_of_the_data_changes_the_fingerprint(
  tmp_path, folder, write_covidx, change, changed
):
  other_folder = write_covidx(tmp_path / 'other')
  change(other_folder)
  examples = _load('train', tmp_path / 'a', path=folder)
  other = _load('train', tmp_path / 'b', path=other_folder)
  columns = ('slice_id', 'patient_id', 'source', 'label', 'box', 'digest')
  assert changed == {
    name
    for name in columns
    if (getattr(examples, name) != getattr(other, name)).any()
  }
  assert (examples.fingerprint == other.fingerprint) == (not changed)


def test_the_real_sample_has_no_val_split(tmp_path, real_data):
  sample = real_data / 'covidx_ct_sample'
  with pytest.raises(
    ValueError,
    match="covidx_ct/3a has no split 'val'; it was prepared with train, test",
  ):
    _load('val', tmp_path, path=sample, name='covidx_ct/3a')
  examples = _load('test', tmp_path, name='covidx_ct/3a')
  assert np.bincount(examples.label).tolist() == [167, 30, 68]
  for i in (0, 100, 264):
    file = sample / '3A_images' / examples.slice_id[i]
    assert examples.read(i) == file.read_bytes()
