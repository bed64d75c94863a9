# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""NIfTI volumes of all orientations and number types."""

import gzip

import nibabel
import numpy as np
import pytest

from input_pipeline import scans
from input_pipeline.scans import limits


@pytest.fixture(scope='module')
def volume(chest):
  """Slices from head to feet, `[Z, H, W]`, as DICOM lies."""
  return np.stack([chest(64, seed=i) for i in range(5)])


def _save(path, volume, codes='RAS', dtype=np.int16, spacing=2.5):
  """Writes a volume that lies as DICOM does so that its axes are `codes`."""
  # Left to right, back to front, feet to head.
  data = volume[::-1, ::-1, ::-1].transpose(2, 1, 0).astype(dtype)
  affine = np.diag([0.7, 0.7, spacing, 1])
  image = nibabel.Nifti1Image(data, affine)
  turn = nibabel.orientations.ornt_transform(
    nibabel.orientations.axcodes2ornt('RAS'),
    nibabel.orientations.axcodes2ornt(codes),
  )
  nibabel.save(image.as_reoriented(turn), path)
  return path


def _reason(path):
  with scans.find(path) as found:
    assert not found.scans
    (refused,) = found.refused
  assert refused.name == str(path)
  return refused.reason


@pytest.mark.parametrize('codes', ['RAS', 'LPS', 'LAI', 'SPL', 'ASR'])
@pytest.mark.parametrize('ending', ['.nii', '.nii.gz'])
def test_all_orientations_give_the_dicom_slices(
  tmp_path, volume, to_gray, codes, ending
):
  path = _save(tmp_path / f'a{ending}', volume, codes)
  with scans.find(path) as found:
    (scan,) = found.scans
    assert scan.spacing == pytest.approx(2.5)
    assert np.all(np.diff([x.position for x in scan.slices]) < 0)
    actual = [x.read().gray for x in scan.slices]
  np.testing.assert_array_equal(actual, [to_gray(x) for x in volume])


@pytest.mark.parametrize('dtype', [np.float32, np.float64, np.int32, '>i2'])
def test_number_types(tmp_path, volume, to_gray, dtype):
  path = _save(tmp_path / 'a.nii', volume, dtype=dtype)
  with scans.find(path) as found:
    actual = found.scans[0].slices[0].read().gray
  np.testing.assert_array_equal(actual, to_gray(volume[0]))


def test_gray_values_stay_as_they_are(tmp_path, volume, to_gray):
  gray = to_gray(volume)
  path = _save(tmp_path / 'a.nii', gray, dtype=np.uint8)
  with scans.find(path) as found:
    (scan,) = found.scans
    assert scan.window is None
    assert 'used as gray values' in scan.notes[0]
    np.testing.assert_array_equal(scan.slices[2].read().gray, gray[2])


def test_what_is_no_axial_ct_volume(tmp_path, volume):
  path = tmp_path / 'a.nii'
  assert 'expected Hounsfield units' in _reason(_save(path, volume + 2000))
  four = nibabel.Nifti1Image(np.zeros((4, 4, 4, 2), np.int16), np.eye(4))
  nibabel.save(four, path)
  assert 'expected one volume of three axes' in _reason(path)
  # Thick coronal slices: axial planes of them are smeared.
  image = nibabel.Nifti1Image(volume, np.diag([0.7, 5, 0.7, 1]))
  nibabel.save(image, path)
  assert 'not made of axial slices' in _reason(path)


def test_damage_and_bombs(tmp_path, volume, monkeypatch):
  path = _save(tmp_path / 'a.nii', volume)
  path.write_bytes(path.read_bytes()[:-100])
  assert 'the end is missing' in _reason(path)
  path = tmp_path / 'b.nii.gz'
  path.write_bytes(gzip.compress(b'no volume'))
  assert 'its content is of another kind' in _reason(path)
  path = _save(tmp_path / 'c.nii.gz', volume)
  path.write_bytes(path.read_bytes()[:-100])
  assert 'damaged .gz' in _reason(path)
  monkeypatch.setattr(limits, 'FILE_BYTES', 10_000)
  content = _save(tmp_path / 'd.nii', volume).read_bytes()
  path.write_bytes(gzip.compress(content[:352] + bytes(1 << 20)))
  assert 'unpacks to more than 10,000' in _reason(path)
