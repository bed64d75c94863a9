# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The SARS-CoV-2 CT set: its files are checked, and divided as by `split`."""

import collections
import csv
import hashlib
import shutil

import pytest

from bit_covid.cli import split
import input_pipeline
from input_pipeline import data_kind
from input_pipeline import data_source
from input_pipeline import sars_cov_2_ct


def _source(path):
  return data_source.DataSource('sars_cov_2_ct', path=str(path))


@pytest.fixture
def folder(tmp_path, monkeypatch, encode, noise):
  """A folder as that of the data set, but with 30 small images."""
  names = [
    *(f'COVID/Covid ({i}).png' for i in range(1, 17)),
    *(f'non-COVID/Non-Covid ({i}).png' for i in range(1, 15)),
  ]
  root = tmp_path / 'set'
  lines = []
  for number, name in enumerate(names):
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    encoded = encode(noise(20, 30, seed=number))
    (root / name).write_bytes(encoded)
    lines.append(f'{hashlib.sha256(encoded).hexdigest()}  {name}\n')
  # As `sha256sum` prints it, in the order of the bytes of the names.
  lines.sort(key=lambda x: x[66:].encode())
  whole = hashlib.sha256(''.join(lines).encode()).hexdigest()
  monkeypatch.setattr(sars_cov_2_ct, 'FILES', tuple(names))
  monkeypatch.setattr(sars_cov_2_ct, '_DIGESTS', frozenset({whole}))
  with (root / 'manifest.csv').open('w', newline='') as file:
    writer = csv.writer(file)
    writer.writerow(['file', 'sha256_of_original'])
    writer.writerows([x[66:-1], x[:64]] for x in lines)
  return root


def test_names_are_those_of_the_archive():
  counts = collections.Counter(x.split('/')[0] for x in sars_cov_2_ct.FILES)
  assert counts == {'COVID': 1252, 'non-COVID': 1229}
  assert len(set(sars_cov_2_ct.FILES)) == 2481


def test_splits_are_those_of_the_command(folder, capsys):
  splits = sars_cov_2_ct.load_all(_source(folder))
  assert {x: len(splits[x]) for x in splits} == {
    'train': 21,
    'val': 3,
    'test': 6,
  }
  assert split.main([str(folder)]) == 0
  output = capsys.readouterr().out
  assert 'All: 30 slices of 30 images.' in output
  listed = sars_cov_2_ct.load_all(_source(folder / 'images_split.csv'))
  for name, examples in splits.items():
    assert examples.class_names == ('non-COVID', 'COVID')
    assert set(examples.slice_id) == set(listed[name].slice_id)
    # Nobody knows the patients.
    assert (examples.patient_id == examples.slice_id).all()
    labels = [x.split('/')[0] == 'COVID' for x in examples.slice_id]
    assert examples.label.tolist() == labels
    one = sars_cov_2_ct.load(_source(folder), name)
    assert one.fingerprint == examples.fingerprint
  with pytest.raises(
    ValueError, match=r"no split 'dev'.*'test', 'train', 'val"
  ):
    sars_cov_2_ct.load(_source(folder), 'dev')


def test_folds_test_each_slice_once(folder, data_config):
  config = data_config(name='sars_cov_2_ct', path=str(folder))
  tested = []
  for fold in (1, 2, 3):
    config.fold = (fold, 3)
    splits = input_pipeline.load_splits(config, ['train', 'test'])
    found = {x: set(splits[x].slice_id) for x in splits}
    assert not found['train'] & found['test']
    tested.extend(found['test'])
  assert sorted(tested) == sorted(sars_cov_2_ct.FILES)
  config.path = ' '
  with pytest.raises(ValueError, match=r'config.data.path is empty'):
    input_pipeline.load_split(config, 'train')


def test_missing_and_additional_files_are_named(folder):
  (folder / 'COVID/Covid (3).png').rename(folder / 'non-COVID/new.png')
  # What file systems leave behind is not an image.
  (folder / 'COVID/.DS_Store').write_text('')
  message = (
    r"1 are missing, such as 'COVID/Covid \(3\).png' and 1 are additional, "
    r"such as 'non-COVID/new.png'.*unpack the archive anew"
  )
  with pytest.raises(ValueError, match=message):
    sars_cov_2_ct.load(_source(folder), 'train')


def test_a_changed_file_is_named_if_a_manifest_knows_it(folder):
  name = 'non-COVID/Non-Covid (7).png'
  shutil.copy(folder / 'COVID/Covid (1).png', folder / name)
  with pytest.raises(ValueError, match=r"changed, such as 'non-COVID/Non-.*7"):
    sars_cov_2_ct.check_files(folder)
  (folder / 'manifest.csv').unlink()
  with pytest.raises(ValueError, match=r'changed, by their digest'):
    sars_cov_2_ct.check_files(folder)


@pytest.mark.parametrize(
  ('row', 'message'),
  [
    ('manifest.png,COVID,train', 'manifest.png.*is no image of the SARS'),
    ('non-COVID/Non-Covid (1).png,COVID,train', "of the class 'COVID' is no"),
  ],
)
def test_a_csv_of_other_images_is_refused(folder, row, message):
  path = folder / 'mine.csv'
  path.write_text(f'path,label,split\n{row}\n')
  with pytest.raises(ValueError, match=message):
    sars_cov_2_ct.load(_source(path), 'train')


def test_a_path_that_does_not_exist_is_an_error(tmp_path):
  with pytest.raises(
    FileNotFoundError, match='the folder that holds non-COVID'
  ):
    sars_cov_2_ct.load(_source(tmp_path / 'none'), 'train')


def test_only_its_own_networks_are_judged_on_a_part_of_it(folder):
  kinds = {
    (own, path.name): data_kind.of_path(str(path), own=own)
    for own in ('sars_cov_2_ct', 'covidx_ct/2a')
    for path in (folder, folder / 'manifest.csv', folder / 'COVID')
  }
  assert kinds.pop(('sars_cov_2_ct', 'set')) == 'sars_cov_2_ct'
  assert kinds.pop(('sars_cov_2_ct', 'manifest.csv')) == 'sars_cov_2_ct'
  assert set(kinds.values()) == {'image_folder'}


def test_the_real_files_are_whole(real_data):
  root = real_data / 'sars_cov_2_ct'
  sars_cov_2_ct.check_files(root)
  splits = sars_cov_2_ct.load_all(_source(root))
  assert {x: len(splits[x]) for x in splits} == {
    'train': 1736,
    'val': 248,
    'test': 497,
  }
  # The digest of the archive is that of the manifest's digests.
  with (root / 'manifest.csv').open(newline='') as file:
    rows = {x['file']: x['sha256_of_original'] for x in csv.DictReader(file)}
  lines = ''.join(f'{rows[x]}  {x}\n' for x in sorted(rows))
  digest = hashlib.sha256(lines.encode()).hexdigest()
  assert digest in sars_cov_2_ct._DIGESTS
