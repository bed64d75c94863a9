# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Files that are there whole or not at all."""

import os
import pathlib
import stat
import subprocess
import sys
import zipfile

from etils import epath
import numpy as np
import pytest

from bit_covid.base import disk
from bit_covid.base import files

_ROOT = pathlib.Path(__file__).parents[3]


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


def _names(folder):
  return sorted(path.name for path in folder.iterdir())


def test_a_write_without_room_changes_nothing_and_names_the_file(
  tmp_path, largest_file
):
  path = epath.Path(tmp_path) / 'a.npz'
  files.write(path, b'old')
  with pytest.raises(OSError, match='too large') as caught, largest_file(2000):
    files.write(path, bytes(3000))
  assert disk.problem(caught.value).startswith(f'{path} is larger than files ')
  assert '; 3,000 bytes are needed.' in disk.problem(caught.value)
  assert path.read_bytes() == b'old'
  assert _names(tmp_path) == ['a.npz']


def test_an_append_without_room_adds_nothing_and_names_the_file(
  tmp_path, largest_file
):
  path = epath.Path(tmp_path) / 'a.jsonl'
  for line in (b'1\n', b'2\n'):
    files.append(path, line)
  with pytest.raises(OSError, match='too large') as caught, largest_file(2000):
    files.append(path, bytes(3000))
  assert '; 3,000 bytes are needed.' in disk.problem(caught.value)
  assert path.read_bytes() == b'1\n2\n'


def _start(code, *arguments):
  text = (
    'import os, sys\n'
    'from etils import epath\n'
    'from bit_covid.base import files\n'
    f'path = epath.Path(sys.argv[1])\n{code}'
  )
  return subprocess.Popen(
    [sys.executable, '-c', text, *map(str, arguments)],
    cwd=_ROOT,
    stderr=subprocess.PIPE,
  )


def test_two_processes_write_the_same_file_a_thousand_times(tmp_path):
  code = 'for i in range(500): files.write(path, sys.argv[2].encode() * 5000)'
  texts = ('a', 'b')
  started = [_start(code, tmp_path / 'x', text) for text in texts]
  for process in started:
    _, errors = process.communicate()
    assert (process.returncode, errors) == (0, b'')
  assert (tmp_path / 'x').read_text() in [text * 5000 for text in texts]
  assert _names(tmp_path) == ['x']


def test_what_a_killed_process_left_is_swept(tmp_path):
  code = (
    'type(path).replace = lambda *arguments: os.kill(os.getpid(), 9)\n'
    "files.write(path, b'half')"
  )
  process = _start(code, tmp_path / 'x')
  process.communicate()
  assert process.returncode == -9
  (stray,) = _names(tmp_path)
  # Of a process that lives, and of another host.
  others = [
    stray.replace(f'-{process.pid}-', f'-{os.getpid()}-'),
    f'.x.00000000-{process.pid}-00000000.partial',
    '.x.partial',
  ]
  for name in others:
    (tmp_path / name).write_text('')
  # Another file, but in the same folder.
  files.write(epath.Path(tmp_path) / 'y', b'')
  assert _names(tmp_path) == sorted(['y', *others])


def test_a_new_folder_is_as_before_after_an_error(tmp_path):
  def fill(folder):
    with files.new_folder(folder):
      (folder / 'images').mkdir()
      (folder / 'images' / 'a.png').write_text('')
      (folder / 'a.csv').write_text('')
      raise OSError('no room')

  (tmp_path / 'empty').mkdir()
  for name in ('empty', 'new'):
    with pytest.raises(OSError, match='no room'):
      fill(tmp_path / name)
  assert [*tmp_path.rglob('*')] == [tmp_path / 'empty']


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


@pytest.mark.parametrize('exists', [False, True])
def test_a_private_file_is_private_before_it_has_content(
  exists, tmp_path, monkeypatch
):
  path = tmp_path / 'key.csv'
  if exists:
    path.write_bytes(b'before')
    path.chmod(0o644)
  modes, original = [], type(epath.Path(path)).write_bytes

  def write_bytes(self, content):
    modes.append(stat.S_IMODE(os.stat(self).st_mode))
    return original(self, content)

  monkeypatch.setattr(type(epath.Path(path)), 'write_bytes', write_bytes)
  files.write(epath.Path(path), b'secret', is_private=True)
  assert modes == [0o600]
  assert stat.S_IMODE(path.stat().st_mode) == 0o600
  assert path.read_bytes() == b'secret'
  assert [x.name for x in tmp_path.iterdir()] == ['key.csv']


def test_a_new_folder_has_its_mode(tmp_path):
  with files.new_folder(tmp_path / 'x', mode=0o700):
    assert stat.S_IMODE((tmp_path / 'x').stat().st_mode) == 0o700
