# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Each file that is given is in a scan or refused, once."""

import os
import pathlib

import numpy as np
import pytest

from input_pipeline import scans


def test_kinds_are_told_by_content_and_nothing_is_left_out(
  tmp_path, chest, write_dicom, encode, noise
):
  write_dicom(tmp_path / 'no_ending', chest(64))
  for name in ('b.png', 'a.png'):
    (tmp_path / name).write_bytes(encode(noise(64, 64, seed=ord(name[0]))))
  for name in ('notes.txt', '.hidden', 'broken.dcm', 'broken.png', 'a.tif'):
    (tmp_path / name).write_bytes(b'some text')
  (tmp_path / 'empty.dcm').write_bytes(b'')
  with scans.find(tmp_path) as found:
    assert [(x.source, len(x)) for x in found.scans] == [
      ('dicom', 1),
      ('images', 2),
    ]
    assert [x.name[-5:] for x in found.scans[1].slices] == ['a.png', 'b.png']
    causes = {x.name.rsplit('/')[-1]: x.cause for x in found.refused}
  assert causes == {
    'notes.txt': 'foreign',
    '.hidden': 'foreign',
    'broken.dcm': 'damaged',
    'broken.png': 'damaged',
    'a.tif': 'damaged',
    'empty.dcm': 'damaged',
  }
  with scans.find(tmp_path / 'notes.txt') as found:
    assert found.refused[0].cause == 'damaged'  # It was asked for.


def test_images_of_a_folder_are_one_scan_or_many(tmp_path, encode, noise):
  for i in range(3):
    (tmp_path / f'{i}.png').write_bytes(encode(noise(64, 64, seed=i)))
  with scans.find(tmp_path) as found:
    assert [len(x) for x in found.scans] == [3]
    assert 'images of one folder' in found.scans[0].notes[0]
  with scans.find(tmp_path, images_are_scans=True) as found:
    assert [len(x) for x in found.scans] == [1, 1, 1]
  twice = [tmp_path / '2.png', tmp_path / '0.png', tmp_path]
  with scans.find(twice) as found:
    assert [x.name[-5:] for x in found.scans[0].slices] == [
      '2.png',
      '0.png',
      '1.png',
    ]


def test_links_that_lead_in_circles_end(tmp_path, encode, noise):
  (tmp_path / 'a.png').write_bytes(encode(noise(64, 64)))
  (tmp_path / 'again').symlink_to(tmp_path)
  with scans.find(tmp_path) as found:
    assert [len(x) for x in found.scans] == [1]


def test_colour_and_damaged_images(tmp_path, encode, noise):
  colour = np.stack([noise(64, 64, seed=i) for i in range(3)], axis=-1)
  (tmp_path / 'a.png').write_bytes(encode(colour))
  (tmp_path / 'b.png').write_bytes(encode(noise(64, 64))[:-300])
  with scans.find(tmp_path) as found:
    first, second = found.scans[0].slices
    assert first.read().colour > 50
    with pytest.raises(scans.UnreadableError, match=r'b\.png') as caught:
      second.read()
    assert 'b.png' not in caught.value.reason


def test_a_path_that_is_not_there(tmp_path):
  with (
    pytest.raises(FileNotFoundError, match='none is neither a file'),
    scans.find(tmp_path / 'none'),
  ):
    pass


def test_images_are_in_natural_order(tmp_path, encode, noise):
  numbers = [1, 2, 3, 10, 11, 100]
  for i in numbers:
    (tmp_path / f'{i}-1.png').write_bytes(encode(noise(64, 64, seed=i)))
  # As a folder, and as a shell lists them.
  for paths in (tmp_path, sorted(tmp_path.iterdir())):
    with scans.find(paths) as found:
      names = [x.name for x in found.scans[0].slices]
    assert names == [str(tmp_path / f'{i}-1.png') for i in numbers]


def test_a_scan_that_is_given_twice_is_counted_once(
  tmp_path, chest, encode, noise, write_dicom
):
  for folder in 'ab':
    (tmp_path / folder / 'images').mkdir(parents=True)
    for i in range(2):
      image = encode(noise(64, 64, seed=i))
      (tmp_path / folder / 'images' / f'{i}.png').write_bytes(image)
    write_dicom(
      tmp_path / folder / 'slice',
      chest(48),
      SeriesInstanceUID=None,
      SOPInstanceUID='1.2',
    )
  with scans.find([tmp_path, tmp_path / 'a' / 'slice']) as all_found:
    assert len(all_found.scans) == 4
    found = scans.without_copies(all_found)
  assert sorted(len(x) for x in found.scans) == [1, 2]
  for scan in found.scans:
    assert scan.notes[-1] == 'It was given 2 times, and is counted once.'
  reasons = sorted(x.reason for x in found.refused)
  assert reasons[:3] == ['a copy of a scan that was given before'] * 3
  assert reasons[3:] == ['the same file was given before, and is used once']
  assert (found.num_files, found.num_used) == (7, 3)
  assert found.num_files == found.num_used + len(found.refused)


def test_files_of_copied_scans_are_refused_once_with_their_own_ids(
  tmp_path, encode, noise
):
  for folder in 'ab':
    (tmp_path / folder).mkdir()
    for i in range(2):
      image = encode(noise(64, 64, seed=i))
      (tmp_path / folder / f'{i}, slice {i}').write_bytes(image)
  with scans.find(tmp_path) as all_found:
    found = scans.without_copies(all_found)
  names = {x.name for x in found.refused}
  assert names == {f'{tmp_path}/b/{i}, slice {i}' for i in range(2)}
  assert len({x.id for x in found.refused} - {found.scans[0].id}) == 2


def test_names_that_are_not_utf8_can_be_printed(tmp_path, encode, noise):
  image = encode(noise(64, 64))
  path = os.fsencode(tmp_path) + b'/M\xfcller\n.png'
  pathlib.Path(os.fsdecode(path)).write_bytes(image)
  with scans.find(tmp_path) as found:
    (each,) = found.scans[0].slices
    assert each.name == rf'{tmp_path}/M\udcfcller\n.png'
    assert each.read().gray.shape == (64, 64)
