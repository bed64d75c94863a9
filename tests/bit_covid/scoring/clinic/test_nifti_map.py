# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""NIfTI maps, read by nibabel."""

import gzip

import nibabel
import numpy as np

from bit_covid.scoring.clinic import gradcam_volume
from bit_covid.scoring.clinic import nifti_map
from input_pipeline import scans


def _written(folder, result):
  folder.mkdir(exist_ok=True)
  return nifti_map.write(folder, result)


def test_each_class_is_a_volume_over_the_scan(
  write_placed_series, make_mapped, tmp_path
):
  with scans.find(write_placed_series(tmp_path / 'x')) as found:
    (scan,) = found.scans
    result = make_mapped(scan, box=(40, 10, 80, 60))
    of_a, of_b = _written(tmp_path / 'maps', result)
    expected = gradcam_volume.make(result, 1, scan.grid())
  assert [x.name for x in (of_a, of_b)] == [
    f'{scan.id}_A.nii.gz',
    f'{scan.id}_B~2fC.nii.gz',
  ]
  image = nibabel.load(of_b)
  assert image.get_data_dtype() == np.float32
  values = np.asanyarray(image.dataobj)
  np.testing.assert_allclose(values, expected, atol=1 / 512)
  assert 0 == values.min() < values.max() <= 1
  # From the header of the first slice, at 150, -120.5, 40 mm, which is stored
  # mirrored; so the volume begins at the head.
  expected = [[5, 0, 0, -150], [0, -4, 0, 120.5], [0, 0, -2.5, 40]]
  np.testing.assert_allclose(image.affine[:3], expected, atol=1e-4)
  assert not nibabel.load(of_a).get_fdata().any()


def test_the_file_says_its_purpose_and_nothing_of_the_patient(
  write_placed_series, make_mapped, tmp_path
):
  with scans.find(write_placed_series(tmp_path / 'x')) as found:
    (scan,) = found.scans
    first = _written(tmp_path / 'a', make_mapped(scan))[1]
    again = _written(tmp_path / 'b', make_mapped(scan))[1]
  # No time in it either.
  assert first.read_bytes() == again.read_bytes()
  content = gzip.decompress(first.read_bytes())
  assert b'not a medical device. Grad-CAM: B/C' in content
  for secret in (b'Doe', b'secret-17', b'1.2.826.'):
    assert secret not in content


def test_a_nifti_scan_keeps_its_own_axes(chest, make_mapped, tmp_path):
  # Slices along the first axis, from head to feet.
  values = np.stack([chest(64, seed=i)[:, ::-1].T for i in range(6)])
  affine = np.array(
    [[0, 3, 0, -90], [0, 0, -3, 80], [-2.5, 0, 0, 40], [0, 0, 0, 1.0]]
  )
  image = nibabel.Nifti1Image(values, affine)
  image.header['descrip'] = b'Doe^Jane'
  nibabel.save(image, tmp_path / 'Doe.nii')
  with scans.find(tmp_path / 'Doe.nii') as found:
    (scan,) = found.scans
    result = make_mapped(scan, unscored=(5,))
    path = _written(tmp_path / 'maps', result)[1]
  written = nibabel.load(path)
  assert written.shape == (6, 64, 64)
  np.testing.assert_array_equal(written.affine, affine)
  assert b'Doe' not in gzip.decompress(path.read_bytes())
  data = written.get_fdata()
  # Slice 6 is the lowest.
  assert data[:5].any(axis=(1, 2)).all()
  assert not data[5].any()
  # The last of four columns is at the patient's left, in the second of five
  # rows from the front. The second axis goes to the right, the third to the
  # back.
  _, i, j = np.unravel_index(data.argmax(), data.shape)
  assert i < 16
  assert 64 / 5 < j < 2 * 64 / 5
