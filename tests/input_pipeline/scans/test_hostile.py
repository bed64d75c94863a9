# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Files that were made to fill a machine: each is refused, the rest is read."""

import gzip
import io
import os
import pathlib
import resource
import socket
import struct
import tracemalloc
import zipfile
import zlib

import nibabel
import numpy as np
from PIL import Image
import pydicom
import pydicom.uid
import pytest

from input_pipeline import scans
from input_pipeline.scans import deflated_dicom
from input_pipeline.scans import limits

_MIB = 1 << 20


@pytest.fixture
def folder(tmp_path, encode, noise):
  """A folder with one readable image."""
  (tmp_path / 'files').mkdir()
  (tmp_path / 'files' / 'right.png').write_bytes(encode(noise(64, 64)))
  return tmp_path / 'files'


def _reasons(folder):
  """Returns why each file but the readable one is refused, by its name."""
  with scans.find(folder) as found:
    read, reasons = [], {}
    for each in found.refused:
      reasons[each.name.removeprefix(f'{folder}/')] = each.reason
    for each in (x for scan in found.scans for x in scan.slices):
      name = each.name.removeprefix(f'{folder}/')
      try:
        each.read()
        read.append(name)
      except scans.UnreadableError as error:
        reasons[name] = error.reason
  assert read == ['right.png']
  return reasons


def _zip(members, method=zipfile.ZIP_DEFLATED):
  buffer = io.BytesIO()
  with zipfile.ZipFile(buffer, 'w', method) as file:
    for name, content in members.items():
      file.writestr(name, content)
  return buffer.getvalue()


def _volume(shape=(16, 16, 3)):
  return nibabel.Nifti1Image(
    np.full(shape, -1000, np.int16), np.diag([0.7, 0.7, 2, 1])
  ).to_bytes()


@pytest.mark.parametrize('method', [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_members_that_lie_about_their_size(folder, method):
  content = bytearray(_zip({'a.dcm': bytes(32 * _MIB)}, method))
  for place in (22, content.index(b'PK\1\2') + 24):
    content[place : place + 4] = struct.pack('<I', 1000)
  (folder / 'a.zip').write_bytes(content)
  tracemalloc.start()
  try:
    assert 'damaged zip' in _reasons(folder)['a.zip']
    assert tracemalloc.get_traced_memory()[1] < 16 * _MIB
  finally:
    tracemalloc.stop()


def test_a_directory_that_fills_the_memory(folder, monkeypatch):
  monkeypatch.setattr(limits, 'DIRECTORY_BYTES', 1000)
  (folder / 'a.zip').write_bytes(_zip(dict.fromkeys(map(str, range(99)), b'')))
  assert 'damaged zip' in _reasons(folder)['a.zip']


def _unpacked(found):
  """Returns the bytes that an open search has unpacked."""
  (slices, *_) = [x.slices for x in found.scans if x.source == 'nifti']
  folder = slices[0].read.args[0].stored.filename.parents[1]
  return sum(x.stat().st_size for x in folder.rglob('*') if x.is_file())


def test_archives_in_an_archive_count_together(folder, monkeypatch):
  monkeypatch.setattr(limits, 'ARCHIVE_FREE_BYTES', 100_000)
  monkeypatch.setattr(limits, 'ARCHIVE_RATIO', 5)
  inner = _zip({'zeros.dcm': bytes(40_000)})
  outer = {f'{i}.zip': inner for i in range(8)}
  (folder / 'a.zip').write_bytes(_zip({'a.nii': _volume(), **outer}))
  with scans.find(folder) as found:
    assert _unpacked(found) <= 100_000
    reasons = [x.reason for x in found.refused]
  assert sum('more than 100,000 bytes' in x for x in reasons) == 6


def test_all_archives_of_a_call_count_together(folder, monkeypatch):
  size = len(_volume())
  monkeypatch.setattr(limits, 'ARCHIVE_BYTES', 2 * size + 100)
  for number in range(5):
    (folder / f'{number}.nii.gz').write_bytes(gzip.compress(_volume()))
  with scans.find(folder) as found:
    assert _unpacked(found) == 2 * size
    assert sum(x.source == 'nifti' for x in found.scans) == 2
    assert all('of a call unpack to more' in x.reason for x in found.refused)


def test_a_deflated_file_is_inflated_once(
  tmp_path, chest, write_dicom, transcode, to_gray, monkeypatch
):
  path = write_dicom(tmp_path / 'plain', chest(48))
  path = transcode(path, tmp_path / 'a', 'DeflatedExplicitVRLittleEndian')
  path.with_name('plain').unlink()
  chunks, inflated = deflated_dicom.chunks, []
  monkeypatch.setattr(
    deflated_dicom, 'chunks', lambda x: inflated.append(x) or chunks(x)
  )
  with scans.find(tmp_path) as found:
    for _ in range(3):
      gray = found.scans[0].slices[0].read().gray
      np.testing.assert_array_equal(gray, to_gray(chest(48)))
  assert inflated == [path]


def test_deflated_zeros(folder, monkeypatch):
  monkeypatch.setattr(limits, 'ARCHIVE_FREE_BYTES', _MIB)
  packer = zlib.compressobj(9, zlib.DEFLATED, -15)
  zeros = packer.compress(bytes(64 * _MIB)) + packer.flush()
  for name, padding in (('a', b''), ('b', b'\0\0')):
    uid = pydicom.uid.DeflatedExplicitVRLittleEndian.encode() + padding
    meta = b'\2\0\x10\0UI' + struct.pack('<H', len(uid)) + uid
    meta = b'\2\0\0\0UL\4\0' + struct.pack('<I', len(meta)) + meta
    (folder / name).write_bytes(bytes(128) + b'DICM' + meta + zeros)
  tracemalloc.start()
  try:
    reasons = _reasons(folder)
    assert tracemalloc.get_traced_memory()[1] < 20 * _MIB
  finally:
    tracemalloc.stop()
  assert 'unpacks to more than' in reasons['a']
  # pydicom would inflate it, though its syntax is not written as it should be.
  assert 'damaged DICOM' in reasons['b']


def _of_many_passes(count):
  buffer = io.BytesIO()
  image = Image.fromarray(np.full((1024, 1024), 128, np.uint8))
  image.save(buffer, 'JPEG', progressive=True)
  content = buffer.getvalue()
  last = content[content.rindex(b'\xff\xda') : -2]
  return content[:-2] + last * count + content[-2:]


def test_progressive_images_of_many_passes(folder):
  (folder / 'many.jpg').write_bytes(_of_many_passes(3000))
  reason = _reasons(folder)['many.jpg']
  assert 'passes over its pixels' in reason
  (folder / 'right.png').unlink()
  (folder / 'many.jpg').rename(folder / 'right.png')
  (folder / 'right.png').write_bytes(_of_many_passes(0))
  assert not _reasons(folder)


def test_what_is_no_file(folder):
  os.mkfifo(folder / 'fifo')
  for name, target in {
    'zero.png': '/dev/zero',
    'itself': 'itself',
    'kernel': '/proc/kmsg',
    'memory': '/proc/self/mem',
  }.items():
    (folder / name).symlink_to(target)
  with socket.socket(socket.AF_UNIX) as server:
    here = pathlib.Path.cwd()
    os.chdir(folder)  # The name of a socket may have some 100 bytes.
    server.bind('socket')
    os.chdir(here)
    reasons = _reasons(folder)
  assert len(reasons) == 6
  assert reasons['fifo'] == reasons['zero.png'] == 'a device, not a file'


def test_headers_that_fill_the_memory(
  folder, tmp_path, chest, write_dicom, monkeypatch
):
  monkeypatch.setattr(limits, 'HEADER_BYTES', 30_000)
  path = write_dicom(tmp_path / 'plain', chest(32))
  large = pydicom.dcmread(path)
  large.add_new(0x00091010, 'OB', bytes(30_000))
  large.save_as(folder / 'large')
  items = pydicom.dcmread(path)
  items.ReferencedImageSequence = [pydicom.Dataset() for _ in range(5000)]
  items['ReferencedImageSequence'].is_undefined_length = True
  items.save_as(folder / 'items')
  reasons = _reasons(folder)
  assert 'header has more than 30,000 bytes' in reasons['large']
  # pydicom turns some errors within a sequence into its own.
  assert 'damaged DICOM' in reasons['items']


def test_slices_of_a_call(tmp_path, monkeypatch):
  monkeypatch.setattr(limits, 'SLICES', 5)
  for number in range(3):
    (tmp_path / str(number)).write_bytes(_volume((16, 16, 2 + number)))
  with scans.find(tmp_path) as found:
    assert [len(x) for x in found.scans] == [2, 3]
    (refused,) = found.refused
  assert 'more than 5 slices' in refused.reason


@pytest.mark.parametrize(
  'tags',
  [
    {'ImagePositionPatient': [0, 0, '1.7e308']},
    {'SliceThickness': '1.7e308'},
    {'RescaleSlope': '-1.7e308'},
    {'InstanceNumber': '1' + 300 * '0'},
  ],
  ids=lambda tags: next(iter(tags)),
)
@pytest.mark.filterwarnings('ignore:Value exceeds:UserWarning')
@pytest.mark.filterwarnings('ignore:Invalid value:UserWarning')
def test_numbers_that_are_none_of_a_scan(folder, chest, write_dicom, tags):
  (name,) = tags
  write_dicom(folder / 'a', chest(48), **{name: None})
  dataset = pydicom.dcmread(folder / 'a')
  with pydicom.config.disable_value_validation():
    setattr(dataset, name, tags[name])
    dataset.save_as(folder / 'a')
  assert name in _reasons(folder)['a']


def test_forms_of_numbers_that_are_none_of_a_scan(folder):
  volume = nibabel.Nifti1Image(
    np.full((16, 16, 3), -1000, np.int16), np.diag([3e38, 3e38, 3e38, 1])
  )
  (folder / 'a').write_bytes(volume.to_bytes())
  assert 'neither how the volume lies' in _reasons(folder)['a']


def test_names_in_archives(folder):
  buffer = io.BytesIO()
  with zipfile.ZipFile(buffer, 'w') as file:
    for name in ('', '.', '\0x', './', '//', '...', 'a\n'):
      info = zipfile.ZipInfo('x')
      info.filename = name
      file.writestr(info, b'' if name.endswith('/') else b'some text')
  (folder / 'a.zip').write_bytes(buffer.getvalue())
  with scans.find(folder) as found:
    assert found.num_files == 1 + 5
    assert found.num_used == 1
  assert _reasons(folder)


def test_a_full_disk_is_not_called_damage(folder):
  (folder / 'a.nii.gz').write_bytes(gzip.compress(bytes(4 * _MIB)))
  (folder / 'a.zip').write_bytes(_zip({'a': bytes(4 * _MIB)}))
  packed = gzip.compress(_volume((64, 64, 300)))
  (folder / 'b.nii.gz').write_bytes(packed)
  soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
  resource.setrlimit(resource.RLIMIT_FSIZE, (_MIB, hard))
  try:
    reasons = _reasons(folder)
  finally:
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
  for name in ('a.zip', 'b.nii.gz'):
    assert reasons[name] == 'it cannot be unpacked: File too large'
