# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The command that divides a CSV of images."""

import collections

import cv2
import numpy as np
import pytest

from bit_covid.cli import split
from input_pipeline import image_csv


@pytest.fixture
def save_png():
  """Saves a small image at a path, whose folder is made."""

  def save(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.zeros((20, 30), np.uint8))

  return save


SHARES = {'train': 0.7, 'val': 0.1, 'test': 0.2}


def test_patients_with_slices_of_all_classes(tmp_path, capsys):
  path = tmp_path / 'images.csv'
  lines = [f'{c}{i}.png,{c},p{i}' for i in range(30) for c in ('NCP', 'Normal')]
  lines += ['x.png,CP,p0', 'y.png,CP,p1', 'z.png,CP,new']
  path.write_text('\n'.join(['path,label,patient', *lines]))
  assert split.main([str(path)]) == 0
  output = capsys.readouterr().out
  assert output.count(' CP ') == 3
  assert 'All: 63 slices of 31 patients.' in output
  counts = collections.Counter()
  for name in SHARES:
    _, images = image_csv.read(tmp_path / 'images_split.csv', name)
    patients = {(image.label, image.patient_id) for image in images}
    counts.update((name, label) for label, _ in patients)
  assert len(counts) == 9
  for label in ('NCP', 'Normal'):
    assert [counts[x, label] for x in SHARES] == pytest.approx(
      [21, 3, 6], abs=1.5
    )


@pytest.mark.parametrize(
  ('content', 'message'),
  [
    ('path,label,patient\na.png,N,p\nb.png,N,p,x', ':3: expected 3 fields'),
    ('path,label,patient,sex\na.png,N,p', ':2: expected 4 fields'),
    ('path,label,patient,\na.png,N,p,x', ':1: the columns are'),
    ('path,label,patient,patient\na.png,N,p,x', 'each once'),
    ('path,label,patient\na.png,N,p\nb.png,N,P', "'P' is written 'p' in"),
    ('path,label,patient\na,N,Jos\xe9\nb,N,Jose\u0301', "written 'Jos\\xe9'"),
    ('path,label,patient\na,NCP,p\nb,ncp,q', "the label 'ncp' is written"),
    ('path,label,patient\na,N,\udce9', 'not UTF-8 after line 1. Save it as'),
    ('path,label,patient\na,N,"p', ':2: a quotation mark is missing'),
  ],
)
def test_what_is_refused_leaves_no_file(tmp_path, capsys, content, message):
  path = tmp_path / 'images.csv'
  path.write_text(content, encoding='utf-8', errors='surrogateescape')
  assert split.main([str(path)]) == 2
  error = capsys.readouterr().err
  assert error.count('\n') == 1
  assert message in error
  assert list(tmp_path.iterdir()) == [path]


def test_a_folder_of_classes_needs_no_csv(tmp_path, capsys, save_png):
  for name in [f'{c}/{i}.png' for c in 'AB' for i in range(10)]:
    save_png(tmp_path / name)
  assert split.main([str(tmp_path), '--seed=2']) == 0
  output = capsys.readouterr().out
  assert 'All: 20 slices of 20 images.' in output
  for name, count in (('train', 14), ('val', 2), ('test', 4)):
    _, images = image_csv.read(tmp_path / 'images_split.csv', name)
    assert len(images) == count
    assert {x.label for x in images} == {'A', 'B'}
    assert all(x.slice_id.startswith(f'{x.label}/') for x in images)
    # Patients are not known.
    assert all(x.patient_id == x.slice_id for x in images)


@pytest.mark.parametrize(
  'names', [('train/A/1.png', 'test/A/2.png'), ('test/A/1.png',), ('A/1.png',)]
)
def test_a_folder_without_class_folders_is_refused(
  tmp_path, capsys, save_png, names
):
  for name in names:
    save_png(tmp_path / name)
  assert split.main([str(tmp_path)]) == 2
  error = capsys.readouterr().err
  assert 'or more folders of classes' in error
  assert error.count('\n') == 1
  assert not (tmp_path / 'images_split.csv').exists()


def test_the_command_writes_what_image_csv_reads(tmp_path, capsys):
  path = tmp_path / 'images.csv'
  lines = [
    f'{label}{i}_{n}.png,{label},{label}{i}'
    for label, count in (('a', 5), ('b', 4))
    for i in range(count)
    for n in range(3)
  ]
  path.write_text('\n'.join(['path,label,patient', *lines]))
  assert split.main([str(path), '--seed=3']) == 0
  output = capsys.readouterr().out
  assert 'train    a' in output
  assert 'seed 3' in output
  total = 0
  for name in SHARES:
    names, images = image_csv.read(tmp_path / 'images_split.csv', name)
    assert names == ('a', 'b')
    total += len(images)
  assert total == 27
  assert split.main([str(path)]) == 2
  assert 'exists' in capsys.readouterr().err
  for shares in ('train', 'train=1,train=2'):
    assert split.main([str(path), f'--shares={shares}']) == 2
    assert 'numbers above 0' in capsys.readouterr().err
  assert split.main([str(tmp_path / 'images_split.csv')]) == 2
  assert 'no split yet' in capsys.readouterr().err
