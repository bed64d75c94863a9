# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""SimpleITK, which knows nothing of this project, lays maps over series.

A planted pixel must be at one point in the series, which SimpleITK reads by its
own reader of DICOM series, and in the map.
"""

import numpy as np
import pydicom
import pytest

from bit_covid.scoring.clinic import dicom_objects
from bit_covid.scoring.clinic import gradcam_volume
from bit_covid.scoring.clinic import nifti_map
from input_pipeline import scans

pytestmark = pytest.mark.peers
sitk = pytest.importorskip('SimpleITK', reason='another program of volumes')


def _series(folder):
  reader = sitk.ImageSeriesReader()
  reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
  return reader.Execute()


def _brightest(image):
  values = sitk.GetArrayFromImage(image)
  k, j, i = map(int, np.unravel_index(values.argmax(), values.shape))
  return i, j, k


def _assert_in_place(map_, series):
  assert map_.GetSize() == series.GetSize()
  for get in ('GetOrigin', 'GetSpacing', 'GetDirection'):
    np.testing.assert_allclose(
      getattr(map_, get)(), getattr(series, get)(), atol=1e-4
    )
  # Each corner of the map is a voxel of the series.
  for corner in np.ndindex(2, 2, 2):
    voxel = [
      int(x * (n - 1)) for x, n in zip(corner, map_.GetSize(), strict=True)
    ]
    point = map_.TransformIndexToPhysicalPoint(voxel)
    found = series.TransformPhysicalPointToContinuousIndex(point)
    np.testing.assert_allclose(found, voxel, atol=1e-3)


@pytest.mark.parametrize('name', ['P002', 'cap002'])
def test_a_map_of_a_real_series(
  real_data, make_mapped, tmp_path, monkeypatch, name
):
  folder = real_data / 'dicom_series' / name
  with scans.find(folder) as found:
    (scan,) = found.scans
    number, row, column = 40, 123, 345
    grid = scan.grid()
    volume = np.zeros(grid.shape, np.float32)
    image = np.zeros(grid.image_shape, np.float32)
    image[row, column] = 1
    grid.put(volume, number, image)
    monkeypatch.setattr(gradcam_volume, 'make', lambda *_: volume.copy())
    path = nifti_map.write(tmp_path, make_mapped(scan))[1]
    file = scan.slices[number].path
  map_ = sitk.ReadImage(str(path))
  series = _series(folder)
  _assert_in_place(map_, series)
  # The point of the planted voxel, from the header of its own file.
  header = pydicom.dcmread(file, stop_before_pixels=True)
  height, width = header.PixelSpacing
  point = np.array(header.ImagePositionPatient, float)
  point += column * width * np.array(header.ImageOrientationPatient[:3])
  point += row * height * np.array(header.ImageOrientationPatient[3:])
  voxel = _brightest(map_)
  np.testing.assert_allclose(
    map_.TransformIndexToPhysicalPoint(voxel), point, atol=1e-3
  )
  assert series.TransformPhysicalPointToIndex(point.tolist()) == voxel
  # And that slice is the file that it was in.
  values = sitk.GetArrayFromImage(series)[voxel[2]]
  np.testing.assert_array_equal(
    values, sitk.GetArrayFromImage(sitk.ReadImage(str(file)))[0]
  )


@pytest.mark.parametrize('name', ['P002', 'cap002'])
@pytest.mark.filterwarnings('ignore:Invalid value for VR UI')
def test_a_parametric_map_of_a_real_series(
  real_data, make_mapped, tmp_path, name
):
  pytest.importorskip('highdicom', reason='needs the extra dicom')
  pm_sop = pytest.importorskip('highdicom.pm.sop')
  (tmp_path / 'series').mkdir()
  # Whoever published these series took away their ids.
  for i, path in enumerate(
    sorted((real_data / 'dicom_series' / name).iterdir())
  ):
    dataset = pydicom.dcmread(path)
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = '1.2.1', '1.2.2'
    dataset.FrameOfReferenceUID = '1.2.3'
    dataset.SOPInstanceUID = f'1.2.4.{i + 1}'
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.save_as(tmp_path / 'series' / path.name)
  with scans.find(tmp_path / 'series') as found:
    (scan,) = found.scans
    others = tuple(i for i in range(len(scan)) if i != 40)
    result = make_mapped(scan, cell=(3, 2), unscored=others)
    path, _ = dicom_objects.write(tmp_path, result, model_name='tiny', notes=[])
    nifti = nifti_map.write(tmp_path, result)[1]
  series = _series(tmp_path / 'series')
  map_ = sitk.ReadImage(str(nifti))
  _assert_in_place(map_, series)
  read = pm_sop.pmread(path).get_volume()
  values = read.array
  k, j, i = np.unravel_index(values.argmax(), values.shape)
  point = (read.affine @ [k, j, i, 1])[:3]
  voxel = series.TransformPhysicalPointToIndex(point.tolist())
  # The brightest voxels of the map are several, with the same value.
  rounded = sitk.GetArrayFromImage(map_)
  assert rounded[voxel[::-1]] == rounded.max() > 0
  np.testing.assert_allclose(
    series.TransformIndexToPhysicalPoint(voxel), point, atol=1e-3
  )
  # The whole map, voxel for voxel, at SimpleITK's order of slices.
  upwards = values if read.affine[2, 0] > 0 else values[::-1]
  np.testing.assert_allclose(rounded, upwards, atol=1 / 512 + 1e-6)
