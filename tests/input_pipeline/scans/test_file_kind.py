# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Kinds are told by content: the same file under any name, in any wrapping."""

import gzip
import io
import itertools
import os
import zipfile

import nibabel
import numpy as np
import pydicom
from pydicom import filebase
from pydicom import filewriter
import pytest

from input_pipeline import scans

NAMES = ('a', '1.2.840.113619.2.55.3', 'IM0001.001', 'a.nii.gz', 'a.png', 'Ä b')


def _nifti(chest, version=1):
  kind = nibabel.Nifti1Image if version == 1 else nibabel.Nifti2Image
  volume = np.stack([chest(48, seed=i) for i in range(3)])
  return kind(volume.transpose(2, 1, 0), np.diag([0.7, 0.7, 2, 1])).to_bytes()


def _without_preamble(path, *, is_implicit, is_little):
  dataset = pydicom.dcmread(path)
  buffer = filebase.DicomBytesIO()
  buffer.is_implicit_VR, buffer.is_little_endian = is_implicit, is_little
  del dataset.file_meta
  filewriter.write_dataset(buffer, dataset)
  return buffer.getvalue()


def _zip(content, name='a'):
  buffer = io.BytesIO()
  with zipfile.ZipFile(buffer, 'w') as file:
    file.writestr(name, content)
  return buffer.getvalue()


@pytest.fixture(params=['nifti', 'nifti2', 'dicom', 'implicit', 'big', 'png'])
def content(request, tmp_path, chest, write_dicom, encode, noise):
  if request.param.startswith('nifti'):
    return _nifti(chest, int(request.param.removeprefix('nifti') or 1))
  if request.param == 'png':
    return encode(noise(64, 64))
  path = write_dicom(tmp_path / 'plain', chest(48))
  if request.param == 'dicom':
    return path.read_bytes()
  is_little = request.param == 'implicit'
  return _without_preamble(path, is_implicit=is_little, is_little=is_little)


def _pixels(path):
  with scans.find(path) as found:
    assert not found.refused
    assert (found.num_files, found.num_used) == (1, 1)
    (scan,) = found.scans
    return np.stack([x.read().gray for x in scan.slices])


def test_a_name_decides_nothing(tmp_path, content):
  folder = tmp_path / 'files'
  folder.mkdir()
  expected = None
  for name in NAMES:
    path = folder / name
    path.write_bytes(content)
    pixels = _pixels(folder)
    expected = pixels if expected is None else expected
    np.testing.assert_array_equal(pixels, expected)
    for packed in (
      gzip.compress(content),
      _zip(content, name),
      _zip(_zip(gzip.compress(content)), name),
      gzip.compress(_zip(content)),
    ):
      path.write_bytes(packed)
      np.testing.assert_array_equal(_pixels(folder), expected)
    path.unlink()


def _reasons(path):
  with scans.find(path) as found:
    assert not found.scans
    return [(x.cause, x.reason) for x in found.refused]


@pytest.mark.parametrize(
  ('content', 'cause', 'reason'),
  [
    (b'II*\0' + bytes(99), 'damaged', 'the format TIFF is not read; convert'),
    (b'7z\xbc\xaf\x27\x1c', 'other', '7z archive, which is not read; unpack'),
    (bytes(344) + b'ni1\0', 'damaged', 'NIfTI without its .img is not read'),
    (_zip(b'', '[Content_Types].xml'), 'foreign', 'a document'),
    (_zip(b'', 'params.npy'), 'foreign', 'a document'),
    (b'', 'other', 'the file is empty'),
    (b'LOCKED', 'foreign', 'neither'),
    (b'\x08\0\x05\0' + bytes(300), 'foreign', 'neither'),
    (gzip.compress(b'a text'), 'foreign', 'neither'),
    (gzip.compress(bytes(500))[:20], 'damaged', 'damaged .gz'),
  ],
  # The contents hold the time at which they were packed: workers that collect
  # the tests at different times would disagree about names made of them.
  ids=itertools.count(),
)
def test_other_kinds_are_named_with_a_remedy(tmp_path, content, cause, reason):
  (tmp_path / 'stray').write_bytes(content)
  ((found, text),) = _reasons(tmp_path)
  assert found == cause
  assert reason in text


def test_a_document_that_is_named_is_an_error(tmp_path):
  path = tmp_path / 'a'
  path.write_bytes(_zip(b'', 'mimetype'))
  assert _reasons(tmp_path)[0][0] == 'foreign'
  ((cause, reason),) = _reasons(path)
  assert cause == 'damaged'
  assert 'unpack it first' in reason


def test_devices_and_what_cannot_be_listed(tmp_path, encode, noise):
  os.mkfifo(tmp_path / 'pipe')  # Reading it would never end.
  assert _reasons(tmp_path) == [('foreign', 'a device, not a file')]
  for name in 'ab':
    (tmp_path / name).mkdir()
    (tmp_path / name / '1.png').write_bytes(encode(noise(64, 64)))
  real = os.scandir

  def scandir(path):
    if str(path).endswith('/b'):
      raise PermissionError(13, 'Permission denied', str(path))
    return real(path)

  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(os, 'scandir', scandir)
    with scans.find(tmp_path) as found:
      assert [len(x) for x in found.scans] == [1]
      assert (found.num_files, found.num_used) == (3, 1)
      (folder,) = (x for x in found.refused if x.cause == 'damaged')
  assert folder.name == str(tmp_path / 'b')
  assert 'cannot be listed; allow' in folder.reason
