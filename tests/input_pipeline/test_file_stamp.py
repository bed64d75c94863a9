# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Files that change while a run reads them."""

import hashlib
import os

import pytest

from input_pipeline import file_stamp


@pytest.fixture
def path(tmp_path):
  (tmp_path / 'a.png').write_bytes(b'first')
  return tmp_path / 'a.png'


def _check(path, content, stamp):
  digest = hashlib.sha256(b'first').hexdigest()[:16]
  file_stamp.check_same(path, content, stamp_before=stamp, digest_before=digest)


def _overwrite(path):
  path.write_bytes(b'other')


def _replace(path):
  path.with_name('b').write_bytes(b'other')
  path.with_name('b').replace(path)


@pytest.mark.parametrize('change', [_overwrite, _replace])
def test_other_bytes_are_found_even_with_the_same_size_and_time(path, change):
  stamp, before = file_stamp.stamp(path), path.stat()
  _check(path, b'first', stamp)
  change(path)
  os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
  with pytest.raises(ValueError, match=r'a\.png has changed'):
    _check(path, path.read_bytes(), stamp)


def test_the_same_bytes_are_no_change_whenever_they_were_written(path):
  stamp = file_stamp.stamp(path)
  path.write_bytes(b'first')
  os.utime(path, ns=(0, 0))
  assert file_stamp.stamp(path) != stamp
  _check(path, b'first', stamp)


def test_a_file_that_is_gone_is_named(path):
  stamp = file_stamp.stamp(path)
  path.unlink()
  with pytest.raises(ValueError, match=r'a\.png does not exist any more'):
    _check(path, b'first', stamp)


def test_sizes_and_times_are_in_order(tmp_path, monkeypatch):
  monkeypatch.setattr(file_stamp, '_FILES', 3)
  paths = [str(tmp_path / str(i)) for i in range(10)]
  for i in (0, 1, 2, 3, 5, 6, 7, 8, 9):
    (tmp_path / str(i)).write_bytes(bytes(i))
    os.utime(paths[i], ns=(0, 7 * i))
  expected = [[i, 7 * i] if i != 4 else [-1, -1] for i in range(10)]
  assert file_stamp.sizes_and_times(paths).tolist() == expected
