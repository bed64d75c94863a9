# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The maps of all slices, on the voxels of the scan."""

import numpy as np
import pytest

from bit_covid.models import class_maps
from bit_covid.scoring.clinic import gradcam_volume
from input_pipeline import scans


def test_a_map_lies_in_the_crop_and_nowhere_else(
  write_placed_series, make_mapped, tmp_path
):
  with scans.find(write_placed_series(tmp_path / 'x')) as found:
    (scan,) = found.scans
    grid = scan.grid()
    # 80 rows of 4 mm; 64 columns of 5 mm became 80 of 4 mm.
    assert grid.image_shape == (80, 80)
    result = make_mapped(scan, box=(40, 10, 80, 60), unscored=(0, 7))
    volume = gradcam_volume.make(result, 1, grid)
  assert volume.shape == (64, 80, 10)
  assert volume.dtype == np.float32
  # The normal of mirrored slices goes to the feet, as the scan does.
  scored = [i for i in range(10) if i not in (0, 7)]
  assert np.flatnonzero(volume.any(axis=(0, 1))).tolist() == scored
  assert volume.max() == pytest.approx(1, abs=0.05)
  # By hand: the slice is stored mirrored, so column x of the upright slice is
  # 79 - x, at 0.8 of that among the stored columns.
  inside = np.zeros((64, 80), bool)
  inside[: round(40 * 0.8), 10:60] = True
  plane = volume[:, :, scored[0]]
  assert not plane[~inside].any()
  # The cell in the second of five rows and the last of four columns.
  i, j = np.unravel_index(plane.argmax(), plane.shape)
  assert (j - 10) * 5 // 50 == 1
  assert i < 10 * 0.8


def test_without_a_crop_the_map_is_that_of_the_whole_slice(
  write_placed_series, make_mapped, tmp_path
):
  folder = write_placed_series(
    tmp_path / 'x',
    ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
    PixelSpacing=[4, 4],
  )
  with scans.find(folder) as found:
    (scan,) = found.scans
    result = make_mapped(scan)
    volume = gradcam_volume.make(result, 1, scan.grid())
    nothing = gradcam_volume.make(result, 0, scan.grid())
  expected = class_maps.enlarge(result.slices[0].maps[1], (80, 64))
  for k in range(10):
    np.testing.assert_array_equal(volume[:, :, k].T, expected)
  assert not nothing.any()
