# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a DICOM file says of its encoding against what is found in it."""

import numpy as np
import pydicom
import pytest

from input_pipeline import scans

_EXPLICIT = b'1.2.840.10008.1.2.1\0'


def _read(path):
  """Returns the gray values of the only slice."""
  with scans.find(path) as found:
    assert not found.refused
    (scan,) = found.scans
    (each,) = scan.slices
    return each.read().gray


def _reason(path):
  with scans.find(path) as found:
    assert not found.scans
    (refused,) = found.refused
  return refused.reason


def _unreadable(path):
  """Returns why the only slice cannot be read."""
  with (
    scans.find(path) as found,
    pytest.raises(scans.UnreadableError) as caught,
  ):
    found.scans[0].slices[0].read()
  return caught.value.reason


@pytest.fixture
def write_as(chest, tmp_path, write_dicom):
  """Writes a slice under a transfer syntax; returns the path."""

  def write(syntax):
    stored = chest(64).astype(int) + 1024
    is_big = syntax == pydicom.uid.ExplicitVRBigEndian
    dataset = pydicom.dcmread(write_dicom(tmp_path / 'a.dcm', chest(64)))
    new = pydicom.Dataset(dataset)
    new.file_meta = dataset.file_meta
    new.file_meta.TransferSyntaxUID = syntax
    new.add_new(
      'PixelData', 'OW', stored.astype('>u2' if is_big else '<u2').tobytes()
    )
    new.save_as(tmp_path / 'a.dcm', enforce_file_format=True)
    return tmp_path / 'a.dcm'

  return write


_PLAIN = {
  'implicit': pydicom.uid.ImplicitVRLittleEndian,
  'explicit': pydicom.uid.ExplicitVRLittleEndian,
  'big-endian': pydicom.uid.ExplicitVRBigEndian,
  'deflated': pydicom.uid.DeflatedExplicitVRLittleEndian,
}


@pytest.mark.parametrize('name', _PLAIN)
def test_bytes_after_the_pixels_do_not_count(write_as, chest, to_gray, name):
  path = write_as(_PLAIN[name])
  for more in (b'', bytes(700), b'\xff' * 501):
    content = path.read_bytes()
    path.write_bytes(content + more)
    np.testing.assert_array_equal(_read(path), to_gray(chest(64)))


@pytest.mark.parametrize('found', ['implicit', 'explicit'])
@pytest.mark.parametrize('said', ['implicit', 'explicit'])
def test_what_is_found_counts_not_what_is_said(
  write_as, chest, to_gray, found, said
):
  path = write_as(_PLAIN[found])
  names = {'implicit': b'1.2.840.10008.1.2\0', 'explicit': _EXPLICIT}
  content = path.read_bytes()
  old = _PLAIN[found].encode()
  old += b'\0' * (len(old) % 2)
  # The element has its length before it, and so has the group.
  start = content.index(old)
  new = names[said]
  group = int.from_bytes(content[140:144], 'little') + len(new) - len(old)
  content = (
    content[:140]
    + group.to_bytes(4, 'little')
    + content[144 : start - 2]
    + len(new).to_bytes(2, 'little')
    + new
    + content[start + len(old) :]
  )
  path.write_bytes(content)
  np.testing.assert_array_equal(_read(path), to_gray(chest(64)))


@pytest.mark.parametrize('name', ['implicit', 'explicit', 'deflated'])
def test_without_preamble_and_without_file_meta(write_as, chest, to_gray, name):
  path = write_as(_PLAIN[name])
  content = path.read_bytes()
  group = 144 + int.from_bytes(content[140:144], 'little')
  parts = [content[132:], content[group:], content[:132] + content[group:]]
  # Without file meta, nothing says that a file is deflated.
  for part in parts[: 1 if name == 'deflated' else 3]:
    path.write_bytes(part)
    np.testing.assert_array_equal(_read(path), to_gray(chest(64)))


@pytest.mark.parametrize('name', _PLAIN)
def test_every_cut_is_found(write_as, name):
  path = write_as(_PLAIN[name])
  content = path.read_bytes()
  # The last byte may be padding.
  lengths = np.linspace(140, len(content) - 2, 12).astype(int)
  for length in lengths:
    path.write_bytes(content[:length])
    assert 'damaged' in _reason(path)


def test_padding_of_the_pixels_is_ignored_and_more_is_damage(
  tmp_path, chest, write_dicom, to_gray
):
  stored = (chest(64).astype(int) + 1024).astype('<u2').tobytes()
  path = write_dicom(tmp_path / 'a', chest(64), PixelData=stored + bytes(512))
  np.testing.assert_array_equal(_read(path), to_gray(chest(64)))
  path = write_dicom(tmp_path / 'a', chest(64), PixelData=2 * stored)
  assert 'have 16,384 bytes and need 8,192' in _reason(path)


def test_pixels_that_are_not_compressed_as_the_file_says(write_as):
  path = write_as(pydicom.uid.ExplicitVRLittleEndian)
  content = path.read_bytes()
  path.write_bytes(content.replace(_EXPLICIT, b'1.2.840.10008.1.2.5\0', 1))
  assert 'should be RLE Lossless, but are not compressed' in _reason(path)
  dataset = pydicom.dcmread(path, force=True)
  dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
  dataset.compress(pydicom.uid.RLELossless)
  dataset.save_as(path)
  content = path.read_bytes()
  path.write_bytes(content.replace(b'1.2.840.10008.1.2.5\0', _EXPLICIT, 1))
  assert 'but it does not say how' in _reason(path)


@pytest.mark.parametrize('bits', [10, 12])
def test_jpeg_extended_is_refused_by_name(
  tmp_path, chest, write_dicom, transcode, bits
):
  values = np.minimum(chest(64), 2**bits - 1025)
  plain = write_dicom(
    tmp_path / 'plain', values, BitsStored=bits, HighBit=bits - 1
  )
  transcode(plain, tmp_path / 'a.dcm', 'JPEGExtendedProcess2_4')
  assert 'transfer syntax 1.2.840.10008.1.2.4.51' in _unreadable(
    tmp_path / 'a.dcm'
  )


def test_a_private_transfer_syntax_is_refused_by_number(write_as):
  path = write_as(pydicom.uid.ExplicitVRLittleEndian)
  private = b'1.2.826.0.1.3680.12\0'
  path.write_bytes(path.read_bytes().replace(_EXPLICIT, private, 1))
  assert '(transfer syntax 1.2.826.0.1.3680.12)' in _unreadable(path)
