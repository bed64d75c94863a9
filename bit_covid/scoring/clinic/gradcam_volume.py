# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The Grad-CAM maps of all slices as one volume, on the voxels of the scan."""

import numpy as np

from bit_covid.models import class_maps
from bit_covid.scoring import scan_result
from input_pipeline.scans import grid as grid_lib


def make(
  result: scan_result.ScanResult, class_index: int, grid: grid_lib.Grid
) -> np.ndarray:
  """Returns the map of a class, float32 in [0, 1] of the shape of the grid.

  It is 0 outside of the crop that the network saw, and where no slice was
  scored. In each slice that was scored its largest value is 1, unless nothing
  spoke for the class. In the order of Fortran, as NIfTI files are.

  Args:
    result: with maps.
    class_index: of the class.
    grid: of the scan.
  """
  volume = np.zeros(grid.shape, np.float32, order='F')
  for number, each in enumerate(result.slices):
    if each.maps is not None:
      image = _whole_slice(each, class_index, grid.image_shape)
      grid.put(volume, number, image)
  return volume


def _whole_slice(
  each: scan_result.SliceResult, class_index: int, shape: tuple[int, int]
) -> np.ndarray:
  """Returns the map of the whole slice, 0 outside of the crop."""
  image = np.zeros(shape, np.float32)
  xmin, ymin, xmax, ymax = (
    (0, 0, shape[1], shape[0]) if each.box is None else each.box
  )
  image[ymin:ymax, xmin:xmax] = class_maps.enlarge(
    each.maps[class_index], (ymax - ymin, xmax - xmin)
  )
  return image
