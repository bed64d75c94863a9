# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Archives that are honest, and those that are not."""

import io
import stat
import zipfile

import pytest

from input_pipeline import scans
from input_pipeline.scans import archive
from input_pipeline.scans import limits


def _zip(path, members, **options):
  with zipfile.ZipFile(path, 'w', **options) as file:
    for name, content in members.items():
      file.writestr(name, content)
  return path


def _refused(path):
  with scans.find(path) as found:
    assert not found.scans
    (refused,) = found.refused
  assert refused.name == str(path)
  return refused.reason


def test_an_honest_archive_and_one_within(tmp_path, encode, noise):
  inner = io.BytesIO()
  _zip(inner, {'b.png': encode(noise(64, 64, seed=1))})
  path = _zip(
    tmp_path / 'a.zip',
    {'x/a.png': encode(noise(64, 64)), 'inner.zip': inner.getvalue()},
  )
  with scans.find(path) as found:
    names = sorted(each.slices[0].name for each in found.scans)
    assert names == [f'{path}/inner.zip/b.png', f'{path}/x/a.png']
    first = found.scans[0].slices[0]
    first.read()
  with pytest.raises(scans.UnreadableError):
    first.read()  # What was unpacked is gone.


@pytest.mark.parametrize(
  'name', ['../a.png', '/etc/a.png', 'C:/a', 'x/../../a']
)
def test_paths_out_of_the_archive(tmp_path, name):
  reason = _refused(_zip(tmp_path / 'a.zip', {name: b'x'}))
  assert 'written outside' in reason


def test_links_and_encryption(tmp_path):
  link = zipfile.ZipInfo('link')
  link.external_attr = (stat.S_IFLNK | 0o777) << 16
  assert 'a link' in _refused(_zip(tmp_path / 'a.zip', {link: '/etc/passwd'}))
  path = _zip(tmp_path / 'b.zip', {'a.png': b'x'})
  content = bytearray(path.read_bytes())
  for mark in (b'PK\3\4', b'PK\1\2'):
    content[content.index(mark) + (6 if mark == b'PK\3\4' else 8)] |= 1
  path.write_bytes(content)
  assert 'encrypted' in _refused(path)


def test_bombs(tmp_path, monkeypatch):
  bomb = _zip(
    tmp_path / 'a.zip',
    {'zeros': bytes(1 << 20)},
    compression=zipfile.ZIP_DEFLATED,
  )
  monkeypatch.setattr(limits, 'ARCHIVE_FREE_BYTES', 1 << 16)
  assert 'bytes unpack to 1,048,576' in _refused(bomb)
  monkeypatch.setattr(limits, 'ARCHIVE_FREE_BYTES', 1 << 30)
  monkeypatch.setattr(limits, 'ARCHIVE_BYTES', 1 << 16)
  assert 'more than 65,536 bytes' in _refused(bomb)
  monkeypatch.setattr(limits, 'ARCHIVE_FILES', 1)
  two = _zip(tmp_path / 'b.zip', {'a': b'', 'b': b''})
  assert 'more than 1 files' in _refused(two)


def test_a_size_that_lies_is_noticed_while_unpacking(tmp_path):
  path = _zip(tmp_path / 'a.zip', {'a': bytes(1000)})
  content = bytearray(path.read_bytes())
  place = content.index(b'PK\1\2') + 24
  content[place : place + 4] = (10).to_bytes(4, 'little')
  path.write_bytes(content)
  target = tmp_path / 'target'
  target.mkdir()
  with pytest.raises(ValueError, match='damaged zip'):
    archive.unpack(path, target, budget=archive.Budget())


def test_archives_within_archives_end_somewhere(tmp_path):
  content = b''
  for _ in range(limits.ARCHIVE_DEPTH + 1):
    buffer = io.BytesIO()
    _zip(buffer, {'inner.zip' if content else 'a.txt': content or b'x'})
    content = buffer.getvalue()
  path = tmp_path / 'a.zip'
  path.write_bytes(content)
  with scans.find(path) as found:
    assert [x.reason for x in found.refused] == [
      f'an archive within {limits.ARCHIVE_DEPTH} archives; unpack it first'
    ]


def test_damage(tmp_path):
  path = _zip(tmp_path / 'a.zip', {'a.png': bytes(999)})
  path.write_bytes(path.read_bytes()[:500])
  assert 'damaged zip' in _refused(path)
