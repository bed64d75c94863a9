# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Any drawn series comes back as its Hounsfield values, however it is written.

A fixed number of series is drawn; each differs in size, bits, sign, rescaling,
orientation and transfer syntax.
"""

import zipfile

import numpy as np
import pydicom
import pytest

from input_pipeline import scans

_SYNTAXES = (
  *('ImplicitVRLittleEndian', 'ExplicitVRLittleEndian', 'ExplicitVRBigEndian'),
  *('DeflatedExplicitVRLittleEndian', 'JPEGLosslessProcess14_1'),
  *('JPEGLSLossless', 'JPEG2000Lossless', 'RLELossless'),
)
_ORIENTATIONS = (
  [1, 0, 0, 0, 1, 0],
  [-1, 0, 0, 0, 1, 0],
  [0, 1, 0, 1, 0, 0],
  [0, -1, 0, -1, 0, 0],
)


def _as_stored(upright, directions):
  """Returns a slice as it is stored under an orientation."""
  rows, columns = np.array(directions).reshape(2, 3)
  image = upright if rows[0] else upright.T
  first, second = (rows[0], columns[1]) if rows[0] else (rows[1], columns[0])
  return image[:: int(second), :: int(first)]


def _found(path):
  """Returns the id, the spacing and the slices of the only scan."""
  with scans.find(path) as found:
    assert not found.refused
    (scan,) = found.scans
    return scan.id, scan.spacing, [x.read().gray for x in scan.slices]


@pytest.mark.parametrize('seed', range(3))
@pytest.mark.parametrize('syntax', _SYNTAXES)
def test_a_drawn_series_comes_back(
  tmp_path, write_dicom, transcode, to_gray, syntax, seed
):
  random = np.random.default_rng([seed, _SYNTAXES.index(syntax)])
  bits, is_signed = int(random.choice([12, 14, 16])), bool(random.integers(2))
  slope = float(random.choice([0.5, 1, 2]))
  low = -(2 ** (bits - 1)) if is_signed else 0
  intercept = float(-600 - slope * (low + 2 ** (bits - 1)))
  directions = _ORIENTATIONS[random.integers(len(_ORIENTATIONS))]
  shape = (int(random.integers(16, 80)), int(random.integers(16, 80)))
  spacing = float(random.choice([1, 2.5]))
  stored = [random.integers(low, low + 2**bits, shape) for _ in range(4)]
  (tmp_path / 'a').mkdir()
  for i, values in enumerate(stored):
    pixels = np.ascontiguousarray(_as_stored(values, directions))
    path = write_dicom(
      tmp_path / 'a' / f'{i}',
      pixels,
      PixelData=pixels.astype('<i2' if is_signed else '<u2').tobytes(),
      # Without one, GDCM gives each file another.
      StudyInstanceUID='1.2.3',
      PixelRepresentation=int(is_signed),
      BitsStored=bits,
      HighBit=bits - 1,
      RescaleSlope=slope,
      RescaleIntercept=intercept,
      ImageOrientationPatient=directions,
      ImagePositionPatient=[-9, -9, -spacing * i],
    )
    transcode(path, path, syntax)
    said = pydicom.dcmread(path, stop_before_pixels=True).file_meta
    assert said.TransferSyntaxUID.keyword.startswith(syntax[:12])
  plain = _found(tmp_path / 'a')
  assert plain[1] == pytest.approx(spacing)
  for gray, values in zip(plain[2], stored, strict=True):
    np.testing.assert_array_equal(gray, to_gray(values * slope + intercept))
  # Other names, another order, several folders, an archive.
  with zipfile.ZipFile(tmp_path / 'b.zip', 'w') as archive:
    for i in random.permutation(4):
      name = f'{random.integers(9)}/1.2.840.{random.integers(10**6)}'
      archive.write(tmp_path / 'a' / f'{i}', name)
  again = _found(tmp_path / 'b.zip')
  assert again[:2] == plain[:2]
  np.testing.assert_array_equal(again[2], plain[2])
