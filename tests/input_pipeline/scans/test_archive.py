# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Archives that are honest, and those that are not."""

import io
import stat
import zipfile

import numpy as np
import pytest

from input_pipeline import scans
from input_pipeline.scans import archive
from input_pipeline.scans import budget as budget_lib
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


def test_a_refused_archive_takes_nothing_from_the_others(tmp_path, monkeypatch):
  monkeypatch.setattr(limits, 'ARCHIVE_BYTES', 1000)
  monkeypatch.setattr(limits, 'ARCHIVE_FILES', 2)
  damaged = _zip(tmp_path / '1.zip', {'a': bytes(900)})
  # A byte of the content, so that it is found when most is written.
  damaged.write_bytes(damaged.read_bytes().replace(bytes(9), b'\1' * 9, 1))
  _zip(tmp_path / '2.zip', {'a': bytes(5000)})
  _zip(tmp_path / '3.zip', dict.fromkeys('abc', b''))
  _zip(tmp_path / '4.zip', {'a': bytes(900), 'b': b''})
  _zip(tmp_path / '5.zip', {'a': b''})
  with scans.find(tmp_path) as found:
    reasons = {
      x.name.removeprefix(f'{tmp_path}/'): x.reason for x in found.refused
    }
  assert 'damaged zip' in reasons.pop('1.zip')
  assert 'more than 1,000 bytes' in reasons.pop('2.zip')
  assert 'it unpacks to more than 2 files' in reasons.pop('3.zip')
  assert 'of a call unpack to more than 2 files' in reasons.pop('5.zip')
  assert list(reasons) == ['4.zip/a', '4.zip/b']


def test_a_size_that_lies_is_noticed_while_unpacking(tmp_path):
  path = _zip(tmp_path / 'a.zip', {'a': bytes(1000)})
  content = bytearray(path.read_bytes())
  place = content.index(b'PK\1\2') + 24
  content[place : place + 4] = (10).to_bytes(4, 'little')
  path.write_bytes(content)
  target = tmp_path / 'target'
  with pytest.raises(ValueError, match='damaged zip'):
    archive.unpack(path, target, budget=budget_lib.Budget())


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


def _with_names(path, names, content):
  """Writes members whose names no operating system has changed."""
  with zipfile.ZipFile(path, 'w') as file:
    for name in names:
      info = zipfile.ZipInfo('x')
      info.filename = name
      file.writestr(info, b'' if name.endswith(('/', '\\')) else content)
  return path


@pytest.mark.parametrize(
  ('names', 'expected'),
  [
    (['p1\\2.png', 'p1\\10.png', 'p2\\1.png', 'p1\\'], ['p1', 'p1', 'p2']),
    (['CT 2020-03-01 10:22/1.png'], ['CT 2020-03-01 10:22']),
    (['./p/1.png', 'p/./2.png', './', '.'], ['p', 'p']),
  ],
)
def test_names_of_other_systems(tmp_path, encode, noise, names, expected):
  path = _with_names(tmp_path / 'a.zip', names, encode(noise(64, 64)))
  with scans.find(path) as found:
    slices = [x.name for scan in found.scans for x in scan.slices]
  folders = [x.removeprefix(f'{path}/').rsplit('/', 1)[0] for x in slices]
  assert [x for x in folders if x in expected] == expected


@pytest.mark.parametrize('name', ['C:\\a', '\\\\server\\a', 'x\\..\\..\\a'])
def test_paths_out_of_the_archive_on_windows(tmp_path, name):
  reason = _refused(_with_names(tmp_path / 'a.zip', [name], b'x'))
  assert 'written outside' in reason


@pytest.mark.parametrize(
  ('method', 'name'), [(9, 'deflate64'), (98, 'ppmd'), (77, 'method 77')]
)
def test_other_ways_of_packing_are_named(tmp_path, method, name):
  path = _zip(tmp_path / 'a.zip', {'a.dcm': b'x'})
  content = bytearray(path.read_bytes())
  place = content.index(b'PK\1\2')
  content[8:10] = content[place + 10 : place + 12] = method.to_bytes(
    2, 'little'
  )
  path.write_bytes(content)
  reason = _refused(path)
  assert f'packed with {name}' in reason
  assert 'unpack it first' in reason


def test_names_in_other_code_pages_are_kept_apart(tmp_path, encode, noise):
  path = tmp_path / 'a.zip'
  with zipfile.ZipFile(path, 'w') as file:
    for name in ('xx/1.png', 'yy/1.png', 'zz/1.png'):
      file.writestr(name, encode(noise(64, 64)))
  content = path.read_bytes()
  # UTF-8 without the flag; Shift JIS with a backslash for a byte; Latin-1.
  for old, new in (
    (b'xx', 'é'.encode()),
    (b'yy', b'\x95\x5c'),
    (b'zz', b'\xe9_'),
  ):
    content = content.replace(old + b'/1', new + b'/1')
  path.write_bytes(content)
  with scans.find(path) as found:
    assert [len(x) for x in found.scans] == [1, 1, 1]
    assert any(x.name == f'{path}/é/1.png' for x in found.scans)
    assert not found.refused


def test_members_come_in_natural_order(tmp_path, encode, noise):
  names = [f'{i}.png' for i in (10, 1, 11, 2)]
  path = _zip(tmp_path / 'a.zip', {x: encode(noise(64, 64)) for x in names})
  with scans.find(path) as found:
    numbers = [x.name.split('/')[-1] for x in found.scans[0].slices]
  assert numbers == ['1.png', '2.png', '10.png', '11.png']


@pytest.mark.parametrize('method', [0, 8, 12, 14])
def test_each_flipped_byte_gives_the_files_or_one_clear_line(tmp_path, method):
  path = _zip(
    tmp_path / 'a.zip', {'a': b'so many words' * 9}, compression=method
  )
  content = path.read_bytes()
  generator = np.random.default_rng(method)
  places = generator.integers(len(content), size=60)
  for number, place in enumerate(places):
    changed = bytearray(content)
    changed[place] ^= int(generator.integers(1, 256))
    path.write_bytes(changed)
    target = tmp_path / f'{method} {number}'
    files, reason = [], ''
    try:
      files = archive.unpack(path, target, budget=budget_lib.Budget())
    except archive.UnpackError as error:
      reason = str(error)
    assert all(x.read_bytes() == b'so many words' * 9 for x, _ in files)
    assert 'Error' not in reason
    assert 'None' not in reason
