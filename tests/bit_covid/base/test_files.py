# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Files that are there whole or not at all."""

import zipfile

from etils import epath
import numpy as np
import pytest

from bit_covid.base import files


def test_contents_and_no_leftovers(tmp_path):
  folder = epath.Path(tmp_path)
  files.write_json(folder / 'a.json', {'x': [1, None]})
  assert (folder / 'a.json').read_text() == (
    '{\n  "x": [\n    1,\n    null\n  ]\n}\n'
  )
  files.write_npz(folder / 'b.npz', {'x/y': np.arange(3)})
  with np.load(folder / 'b.npz') as file:
    np.testing.assert_array_equal(file['x/y'], [0, 1, 2])
  assert sorted(path.name for path in folder.iterdir()) == ['a.json', 'b.npz']


@pytest.mark.parametrize(
  ('content', 'line'),
  [
    (b'{"a":\n {"b": 1}', 2),
    (b'{"a":\n "b', 2),
    (b'', 1),
    (b'[]', 1),
    (b'{"a": "\xff"}', 1),
  ],
)
def test_a_cut_or_damaged_file_is_named(tmp_path, content, line):
  path = epath.Path(tmp_path) / 'a.json'
  assert files.read_json(path) is None
  path.write_bytes(content)
  with pytest.raises(
    ValueError, match=f'damaged, from line {line} on. Restore'
  ):
    files.read_json(path)


def test_safe_names_are_different_and_of_a_file(tmp_path):
  names = ['NCP', 'CP/bacterial', 'CP~2fbacterial', '.a', 'a?b', 'é' * 200]
  safe = [files.safe_name(name) for name in names]
  assert safe[:3] == ['NCP', 'CP~2fbacterial', 'CP~7e2fbacterial']
  for name in safe:
    files.write(epath.Path(tmp_path) / f'{name}.png', b'')
  assert sorted(safe) == sorted(path.stem for path in tmp_path.iterdir())


def test_old_file_stays_when_the_new_one_cannot_be_made(tmp_path):
  path = epath.Path(tmp_path) / 'a.json'
  files.write_json(path, 1)
  with pytest.raises(TypeError):
    files.write_json(path, object())
  assert path.read_text() == '1\n'


@pytest.fixture
def archive(tmp_path):
  path = epath.Path(tmp_path) / 'a.npz'
  files.write_npz(path, {'x/y': np.arange(3), 'z': np.zeros(2, np.float32)})
  return path


def test_checksum_of_an_archive(archive):
  assert files.check_npz(archive)
  # As zip tools and other readers see it.
  with zipfile.ZipFile(archive) as file:
    assert file.testzip() is None
    assert file.comment.startswith(b'bit_covid sha256 ')
  np.savez(archive, x=np.zeros(3))
  assert not files.check_npz(archive)


def _is_refused(path):
  try:
    files.check_npz(path)
    zipfile.ZipFile(path).close()
  except (ValueError, zipfile.BadZipFile):
    return True
  return False


def test_each_flipped_byte_and_each_cut_of_an_archive_is_found(archive):
  content = archive.read_bytes()
  assert not _is_refused(archive)
  for i in range(len(content)):
    archive.write_bytes(content[:i])
    assert _is_refused(archive), i
    flipped = bytearray(content)
    flipped[i] ^= 1 << i % 8
    archive.write_bytes(flipped)
    assert _is_refused(archive), i
  with pytest.raises(ValueError, match=r'a\.npz: damaged'):
    files.check_npz(archive)
