# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Errors of the disk name the path, the numbers and the remedy."""

import errno
import os
import shutil

import pytest

from bit_covid.base import disk


def _error(path, number, needed=None):
  text = os.strerror(number)
  with pytest.raises(OSError, match=text) as caught, disk.writing(path, needed):
    raise OSError(number, text)
  return caught.value


def test_a_full_disk_is_described_with_both_numbers(tmp_path):
  free = shutil.disk_usage(tmp_path).free
  text = disk.problem(_error(tmp_path / 'new' / 'a.npz', errno.ENOSPC, 12_345))
  assert text.startswith(
    f'{tmp_path}/new/a.npz has no room on its disk; 12,345 bytes are needed; '
  )
  found = int(text.split(' needed; ')[1].split()[0].replace(',', ''))
  # Others use the same disk meanwhile.
  assert abs(found - free) < 2**30
  assert text.endswith(
    ' bytes are free. Make room, then give the same command again.'
  )


@pytest.mark.parametrize(
  ('number', 'text'),
  [
    (errno.EDQUOT, 'a has no room in your quota; 7 bytes are needed. Make'),
    (errno.EFBIG, 'a is larger than files may be here; 7 bytes are needed. M'),
    (errno.EROFS, 'a lies on a disk that cannot be written to; name'),
    (errno.EACCES, 'a may not be read or written by you; change'),
    (errno.ENAMETOOLONG, 'a has a longer name than files may have; name'),
    (errno.ENOTDIR, 'a is a file, or lies below one; name a folder.'),
    (errno.EIO, 'a could not be read or written, as the disk failed; check'),
  ],
)
def test_other_errors_say_what_helps(number, text):
  error = _error('a', number, 7)
  assert disk.problem(error).startswith(text)
  full = (errno.EDQUOT, errno.EFBIG)
  assert disk.is_full(error) == (number in full)


def test_what_a_library_says_becomes_an_error_of_the_system():
  text = 'RESOURCE_EXHAUSTED: x; No space left on device [OS error 28: ENOSPC]'
  with pytest.raises(OSError, match='No') as caught, disk.writing('run/x', 9):
    raise ValueError(text)
  assert disk.is_full(caught.value)
  assert disk.problem(caught.value).startswith('run/x has no room')
  with pytest.raises(ValueError, match='another'), disk.writing('run'):
    raise ValueError('another')


def test_an_error_without_a_name_or_a_number():
  assert disk.problem(OSError(errno.ENOSPC, 'x')) == (
    'A file has no room on its disk. Make room, then give the same command '
    'again.'
  )
  assert disk.problem(OSError('x')) is None
  assert disk.problem(ValueError('x')) is None


def test_room_is_asked_of_the_folder_that_exists(tmp_path):
  path = tmp_path / 'run' / 'a'
  disk.check_room(path, 1)
  with pytest.raises(OSError, match='No space') as caught:
    disk.check_room(path, 2**60)
  assert f'{2**60:,} bytes are needed' in disk.problem(caught.value)


def test_a_file_in_the_way_of_a_folder_is_named(tmp_path):
  path = tmp_path / 'file'
  disk.check_folder(path, '--output')
  disk.check_folder(path / 'run' / 'a', '--output', subfolders=('b',))
  path.write_text('')
  for name in (path, path / 'run'):
    with pytest.raises(
      ValueError, match=f'^--output={name}: {path} is a file; name a folder'
    ):
      disk.check_folder(name, '--output')
  with pytest.raises(ValueError, match=f'^--workdir=.*: {path} is a file'):
    disk.check_folder(tmp_path, '--workdir', subfolders=('other', 'file'))


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path, monkeypatch):
  # Root may write anywhere.
  monkeypatch.setattr(os, 'access', lambda path, mode: path != tmp_path)
  with pytest.raises(ValueError, match=f'you may not write to {tmp_path}; nam'):
    disk.check_folder(tmp_path / 'new', '--output')
  disk.check_folder('gs://bucket/run', '--output')
