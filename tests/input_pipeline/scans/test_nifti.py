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
    assert scan.has_sides
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


def _header(path, volume, **fields):
  """Writes a volume whose header has these fields, changed in the file."""
  header = nibabel.Nifti1Header(_save(path, volume).read_bytes()[:348])
  for name, value in fields.items():
    header[name] = value
  path.write_bytes(header.binaryblock + path.read_bytes()[348:])
  return path


def _scan(path):
  with scans.find(path) as found:
    (scan,) = found.scans
    return scan, [x.read().gray for x in scan.slices]


@pytest.mark.parametrize(
  ('unit', 'scale'), [(0, 1.0), (1, 1e-3), (2, 1.0), (3, 1e3), (8 + 3, 1e3)]
)
def test_units(tmp_path, volume, unit, scale):
  path = tmp_path / 'a.nii'
  image = nibabel.Nifti1Image(
    volume.transpose(2, 1, 0), np.diag([0.7 * scale, 0.7 * scale, 2 * scale, 1])
  )
  path.write_bytes(image.to_bytes())
  content = bytearray(path.read_bytes())
  content[123] = unit
  path.write_bytes(content)
  scan, _ = _scan(path)
  assert scan.spacing == pytest.approx(2)
  assert scan.slices[0].position - scan.slices[-1].position == pytest.approx(8)


@pytest.mark.parametrize(
  'fields',
  [
    {'sform_code': 0, 'qform_code': 0},
    {'sform_code': 1, 'qform_code': 0, 'srow_x': 0, 'srow_y': 0, 'srow_z': 0},
    {'sform_code': 0, 'qform_code': 1, 'quatern_b': np.nan},
  ],
)
def test_without_an_orientation_nothing_is_claimed(tmp_path, volume, fields):
  scan, pixels = _scan(_header(tmp_path / 'a.nii', volume, **fields))
  assert not scan.is_ordered
  assert not scan.has_sides
  assert 'Nothing in the file says how the volume lies' in scan.notes[0]
  assert scan.spacing == pytest.approx(2.5)
  assert len(pixels) == len(volume)


def test_two_orientations(tmp_path, volume, to_gray):
  path = _save(tmp_path / 'a.nii', volume)
  image = nibabel.load(path)
  image.set_qform(image.affine @ np.diag([-1, 1, 1, 1]), code=1)
  image.set_sform(image.affine, code=1)
  path = tmp_path / 'b.nii'
  path.write_bytes(image.to_bytes())
  scan, pixels = _scan(path)
  assert 'which differ; the sform is used' in scan.notes[0]
  np.testing.assert_array_equal(pixels[0], to_gray(volume[0]))
  # They differ as well if only the distance of the slices does.
  pixdim = [1, 0.7, 0.7, 5, 0, 0, 0, 0]
  path = _header(path, volume, sform_code=1, qform_code=1, pixdim=pixdim)
  assert 'which differ; the sform is used' in _scan(path)[0].notes[0]
  # One that is of no use counts as none.
  path = _header(path, volume, sform_code=2, srow_z=0, qform_code=1)
  assert _scan(path)[0].is_ordered


@pytest.mark.parametrize('offset', [0, 352])
@pytest.mark.parametrize('slope', [0, np.nan, 1])
def test_values_begin_after_the_header_and_may_have_no_scale(
  tmp_path, volume, to_gray, offset, slope
):
  path = _header(tmp_path / 'a.nii', volume, vox_offset=offset, scl_slope=slope)
  scan, pixels = _scan(path)
  np.testing.assert_array_equal(pixels, [to_gray(x) for x in volume])
  assert len(scan.notes) == np.isnan(slope)


@pytest.mark.parametrize(
  ('fields', 'reason'),
  [
    ({'vox_offset': 100, 'datatype': 2}, 'begin at byte 100; expected 352'),
    ({'scl_slope': 1, 'scl_inter': np.nan}, 'the intercept of its values'),
    ({'datatype': 128}, 'the type RGB; expected one number'),
    ({'datatype': 999}, 'a damaged NIfTI file: its header cannot be read'),
    (
      {'sform_code': 0, 'qform_code': 0, 'pixdim': 0},
      'neither how the volume lies nor how large',
    ),
  ],
)
def test_headers_that_say_nothing_of_use(tmp_path, volume, fields, reason):
  assert reason in _reason(_header(tmp_path / 'a.nii', volume, **fields))


def test_pixels_that_are_not_square(tmp_path, volume):
  data = volume[::-1, ::-1, ::-1].transpose(2, 1, 0)
  path = tmp_path / 'a.nii'
  for side, shape in (1.4, (128, 64)), (0.7, (64, 64)), (0.35, (64, 128)):
    image = nibabel.Nifti1Image(data, np.diag([0.7, side, 2.5, 1]))
    nibabel.save(image, path)
    assert _scan(path)[1][0].shape == shape
  nibabel.save(nibabel.Nifti1Image(data, np.diag([0.7, 1.5, 2.5, 1])), path)
  assert 'more than 2 to 1' in _reason(path)
