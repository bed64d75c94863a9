# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Where the voxels of a scan are: a planted pixel comes out where it was.

The expected point is computed from the elements of the DICOM header, or by
nibabel from the NIfTI file.
"""

import nibabel
import numpy as np
import pytest

from input_pipeline import scans
from input_pipeline.scans import grid as grid_lib

COUNT, ROWS, COLUMNS = 7, 24, 30
# The planted pixel: slice, row and column.
MARKED, ROW, COLUMN = 4, 6, 21


def _turned(angle, directions=(1, 0, 0, 0, 1, 0)):
  """Returns an orientation turned about the body's left to right, [6]."""
  cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
  turn = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
  return (turn @ np.reshape(directions, (2, 3)).T).T.ravel()


def _normal(orientation):
  return np.cross(*np.reshape(orientation, (2, 3)))


@pytest.fixture
def write_series(tmp_path, write_dicom):
  """Writes a series with the planted pixel; returns folder and its point.

  A slice is 2.5 mm along the normal from the one before. `changed` gives
  elements of single slices.
  """

  def write(
    orientation=(1, 0, 0, 0, 1, 0),
    pixel=(0.7, 0.7),
    *,
    step=None,
    skipped=(),
    changed=None,
    **tags,
  ):
    step = 2.5 * _normal(orientation) if step is None else np.array(step)
    (tmp_path / 'series').mkdir()
    for i in range(COUNT):
      if i in skipped:
        continue
      values = np.full((ROWS, COLUMNS), -1000, np.int16)
      origin = np.array([-101.5, -60.25, 33.0]) + i * step
      if i == MARKED:
        values[ROW, COLUMN] = 1000
        along, down = np.reshape(orientation, (2, 3))
        point = origin + COLUMN * pixel[1] * along + ROW * pixel[0] * down
      elements = {
        'ImageOrientationPatient': [f'{x:.12f}' for x in orientation],
        'ImagePositionPatient': [f'{x:.10f}' for x in origin],
        'PixelSpacing': list(pixel),
        'SliceThickness': 2.5,
      }
      own = (changed or {}).get(i, {})
      # Names that lead to another order than positions do.
      path = tmp_path / 'series' / f'{(3 * i) % COUNT}'
      write_dicom(path, values, **(elements | tags | own))
    return tmp_path / 'series', point

  return write


def _volume(path):
  """Returns the grid of a scan, and its gray values on it."""
  with scans.find(path) as found:
    (scan,) = found.scans
    grid = scan.grid()
    volume = np.zeros(grid.shape, np.float32)
    for number, each in enumerate(scan.slices):
      gray = each.read().gray
      assert gray.shape == grid.image_shape
      grid.put(volume, number, gray.astype(np.float32))
  return grid, volume


def _brightest(volume):
  return np.unravel_index(volume.argmax(), volume.shape)


def _reason(path):
  with scans.find(path) as found:
    (scan,) = found.scans
    with pytest.raises(grid_lib.NoGridError) as error:
      scan.grid()
  return str(error.value)


@pytest.mark.parametrize('pixel', [(0.7, 0.7), (0.5, 0.9), (0.9, 0.6)])
@pytest.mark.parametrize(
  'orientation',
  [
    (1, 0, 0, 0, 1, 0),
    (-1, 0, 0, 0, 1, 0),
    (1, 0, 0, 0, -1, 0),
    (0, 1, 0, 1, 0, 0),
    (0, 1, 0, -1, 0, 0),
    _turned(20),
    _turned(-31, (0, 1, 0, 1, 0, 0)),
    _turned(12, (np.cos(0.3), np.sin(0.3), 0, -np.sin(0.3), np.cos(0.3), 0)),
  ],
)
def test_a_planted_pixel_of_a_series_is_at_its_point(
  write_series, orientation, pixel
):
  folder, point = write_series(orientation, pixel)
  grid, volume = _volume(folder)
  assert grid.shape == (COLUMNS, ROWS, COUNT)
  found = _brightest(volume)
  # As ITK reads the series: columns, rows, and slices along the normal.
  assert found == (COLUMN, ROW, MARKED)
  for affine in (grid.header.get_sform(), grid.header.get_qform()):
    in_nifti = affine @ [*found, 1]
    np.testing.assert_allclose(in_nifti[:3], point * [-1, -1, 1], atol=1e-4)
  assert grid.header.get_xyzt_units()[0] == 'mm'


def test_slices_that_go_down_are_stacked_upwards(write_series):
  folder, point = write_series(step=[0, 0, -2.5])
  grid, volume = _volume(folder)
  assert _brightest(volume) == (COLUMN, ROW, COUNT - 1 - MARKED)
  found = grid.header.get_sform() @ [*_brightest(volume), 1]
  np.testing.assert_allclose(found[:3], point * [-1, -1, 1], atol=1e-4)
  assert np.linalg.det(grid.header.get_sform()[:3, :3]) > 0


def test_a_missing_slice_is_an_empty_plane(write_series):
  folder, point = write_series(skipped=(1, 2))
  grid, volume = _volume(folder)
  assert grid.shape == (COLUMNS, ROWS, COUNT)
  found = grid.header.get_sform() @ [*_brightest(volume), 1]
  np.testing.assert_allclose(found[:3], point * [-1, -1, 1], atol=1e-4)
  assert sorted(grid.indices) == [0, 3, 4, 5, 6]


def test_rounded_positions_are_on_a_grid(write_series):
  # 0.625 mm, as scanners write it with one digit.
  places = {
    i: {'ImagePositionPatient': [0, 0, round(0.625 * i, 1)]}
    for i in range(COUNT)
  }
  folder, _ = write_series(changed=places)
  grid, _ = _volume(folder)
  assert grid.header.get_zooms()[2] == pytest.approx(0.625, abs=0.02)


@pytest.mark.parametrize(
  ('changes', 'reason'),
  [
    ({'step': [0, 0.4, 2.5]}, 'a tilted gantry'),
    (
      {'changed': {3: {'ImagePositionPatient': [-101.5, -60.25, 41.5]}}},
      'not equally distant',
    ),
    ({'changed': {2: {'PixelSpacing': [0.7, 0.75]}}}, 'beside a regular grid'),
    (
      {'changed': {2: {'ImageOrientationPatient': [*_turned(0.8)]}}},
      'beside a regular grid',
    ),
    ({'ImagePositionPatient': None}, '7 of 7 slices have no ImagePosition'),
    ({'PixelSpacing': None}, '7 of 7 slices have no PixelSpacing'),
    ({'ImageOrientationPatient': None}, 'no ImageOrientationPatient'),
    (
      {'changed': {5: {'ImagePositionPatient': [-101.5, -60.25, 43.0]}}},
      'several slices at one position',
    ),
    (
      {'changed': {0: {'ImagePositionPatient': [-101.5, -60.25, -33.0]}}},
      '26 slices are missing between its 7 slices',
    ),
  ],
)
def test_what_no_grid_can_express_is_refused(write_series, changes, reason):
  folder, _ = write_series(**changes)
  assert reason in _reason(folder)


def test_slices_of_several_sizes_are_refused(
  write_series, write_dicom, tmp_path
):
  folder, _ = write_series()
  write_dicom(
    folder / 'large',
    np.full((40, 40), -1000, np.int16),
    ImagePositionPatient=[-101.5, -60.25, 33 + 2.5 * COUNT],
    PixelSpacing=[0.7, 0.7],
  )
  assert '2 sizes, from (24, 30) to (40, 40)' in _reason(folder)


def test_a_single_slice_is_as_thick_as_it_says(write_series):
  others = {i for i in range(COUNT) if i != MARKED}
  folder, point = write_series(skipped=others)
  grid, volume = _volume(folder)
  assert grid.header.get_zooms()[2] == 2.5
  found = grid.header.get_sform() @ [*_brightest(volume), 1]
  np.testing.assert_allclose(found[:3], point * [-1, -1, 1], atol=1e-4)


def test_a_single_slice_of_unknown_thickness_is_refused(write_series):
  others = {i for i in range(COUNT) if i != MARKED}
  folder, _ = write_series(skipped=others, SliceThickness=None)
  assert 'no SliceThickness' in _reason(folder)


def test_images_have_no_grid(tmp_path):
  with pytest.raises(grid_lib.NoGridError, match='image files do not say'):
    scans.Scan('id', 'name', 'images', [], None).grid()


@pytest.mark.parametrize('codes', ['RAS', 'LPS', 'LAI', 'SPL', 'ASR'])
@pytest.mark.parametrize('unit', ['mm', 'meter', 'unknown'])
def test_a_planted_voxel_of_a_nifti_volume_stays_where_it_is(
  tmp_path, codes, unit
):
  size = 0.001 if unit == 'meter' else 1
  # Oblique, with another size along each axis.
  cos, sin = np.cos(0.2), np.sin(0.2)
  affine = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
  affine = affine * [0.7, 0.9, 2.5] * size
  affine = nibabel.affines.from_matvec(affine, np.array([12, -34, 56]) * size)
  values = np.full((COLUMNS, ROWS, COUNT), -1000, np.int16)
  values[21, 6, 4] = 1000
  image = nibabel.Nifti1Image(values, affine)
  image.header.set_xyzt_units(unit)
  image.header['descrip'] = b'Doe^Jane'
  turn = nibabel.orientations.ornt_transform(
    nibabel.orientations.axcodes2ornt('RAS'),
    nibabel.orientations.axcodes2ornt(codes),
  )
  nibabel.save(image.as_reoriented(turn), tmp_path / 'a.nii.gz')
  image = nibabel.load(tmp_path / 'a.nii.gz')
  grid, volume = _volume(tmp_path / 'a.nii.gz')
  assert grid.shape == image.shape
  assert _brightest(volume) == _brightest(np.asanyarray(image.dataobj))
  np.testing.assert_array_equal(grid.header.get_best_affine(), image.affine)
  for name in ('qform_code', 'sform_code', 'xyzt_units', 'pixdim', 'quatern_b'):
    np.testing.assert_array_equal(grid.header[name], image.header[name])
  assert grid.header['descrip'] == b''
