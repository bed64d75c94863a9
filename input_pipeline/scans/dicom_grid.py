# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The regular grid on which the voxels of a DICOM series lie.

Columns, rows and slices are its axes, in the order of the normal of the slices,
as readers of volumes such as ITK's order them.
"""

from collections.abc import Sequence

import numpy as np

from input_pipeline.scans import dicom_header
from input_pipeline.scans import grid
from input_pipeline.scans import nifti_header

# How far a corner of a slice may lie from its place on the grid, as a share of
# the smaller side of a pixel. Positions are often rounded to 0.1 mm.
_TOLERANCE = 0.25
# The largest number of planes on the grid for each slice. More of them would be
# empty than not.
_MAX_PLANES = 2


def fit(headers: Sequence[dicom_header.Header]) -> grid.Grid:
  """Returns the grid of a series; missing slices are empty planes.

  Args:
    headers: of the slices of a scan, in its order.

  Raises:
    grid.NoGridError: the headers do not say where the slices are, or these are
      not on one grid with perpendicular axes.
  """
  _check_known(headers)
  first = headers[0]
  directions = _orthonormal(first.orientation)
  origins = np.array([x.origin for x in headers], np.float64)
  planes, spacing = _planes(origins @ directions[2], first.thickness)
  rows, columns = _shape(first)
  height, width = first.pixel_size
  # One column for each axis: columns, rows and slices.
  steps = directions.T * [width, height, spacing]
  start = (origins - np.outer(planes, steps[:, 2])).mean(axis=0)
  _check_corners(headers, start, steps, planes)
  affine = np.eye(4)
  to_nifti = nifti_header.TO_DICOM  # It is its own inverse.
  affine[:3, :3] = steps * to_nifti[:, np.newaxis]
  affine[:3, 3] = start * to_nifti
  return grid.Grid(
    grid.header_of((columns, rows, int(planes.max()) + 1), affine),
    axis=2,
    indices=planes.tolist(),
    # A plane of the volume is the stored image with its axes exchanged.
    directions=np.concatenate([directions[1], directions[0]]),
    pixel_size=(width, height),
  )


def _check_known(headers: Sequence[dicom_header.Header]) -> None:
  for keyword, values in (
    ('ImagePositionPatient', [x.origin for x in headers]),
    ('ImageOrientationPatient', [x.orientation for x in headers]),
    ('PixelSpacing', [x.pixel_size for x in headers]),
  ):
    missing = values.count(None)
    if missing:
      raise grid.NoGridError(
        f'{missing} of {len(headers)} slices have no {keyword}, which says '
        'where they lie; export the series again'
      )
  shapes = sorted({_shape(x) for x in headers})
  if len(shapes) > 1:
    raise grid.NoGridError(
      f'its slices have {len(shapes)} sizes, from {shapes[0]} to {shapes[-1]} '
      'rows and columns; give the slices of one size alone'
    )


def _shape(header: dicom_header.Header) -> tuple[int, int]:
  options = header.pixels.options
  return options['rows'], options['columns']


def _orthonormal(orientation: Sequence[float]) -> np.ndarray:
  """Returns directions along the columns, the rows and the slices, `[3, 3]`."""
  along, down = np.array(orientation, np.float64).reshape(2, 3)
  along /= np.linalg.norm(along)
  down -= (down @ along) * along  # They are rounded in the file.
  down /= np.linalg.norm(down)
  return np.stack([along, down, np.cross(along, down)])


def _planes(
  positions: np.ndarray, thickness: float | None
) -> tuple[np.ndarray, float]:
  """Returns the plane of each slice on the grid, from 0, and their distance.

  Raises:
    grid.NoGridError: the positions are not on equally distant planes.
  """
  if len(positions) == 1:
    if not thickness:
      raise grid.NoGridError(
        'it has one slice and no SliceThickness; give the whole series'
      )
    return np.zeros(1, int), thickness
  order = np.argsort(positions)
  steps = np.diff(positions[order])
  usual = float(np.median(steps))
  if steps.min() <= 0 or np.rint(steps / usual).min() < 1:
    raise grid.NoGridError(
      'it has several slices at one position; give one series alone'
    )
  numbers = np.concatenate([[0], np.cumsum(np.rint(steps / usual))]).astype(int)
  if numbers[-1] >= _MAX_PLANES * len(positions):
    raise grid.NoGridError(
      f'{numbers[-1] + 1 - len(positions)} slices are missing between its '
      f'{len(positions)} slices; export the whole series'
    )
  planes = np.empty(len(positions), int)
  planes[order] = numbers
  spacing = float(np.polyfit(planes, positions, 1)[0])
  return planes, spacing


def _check_corners(
  headers: Sequence[dicom_header.Header],
  start: np.ndarray,
  steps: np.ndarray,
  planes: np.ndarray,
) -> None:
  """Compares three corners of each slice with their places on the grid.

  They tell another orientation or size of pixels as well as a position, and
  slices that are shifted against each other, as by a tilted gantry.

  Raises:
    grid.NoGridError: one is too far away.
  """
  rows, columns = _shape(headers[0])
  limit = _TOLERANCE * min(headers[0].pixel_size)
  for header, plane in zip(headers, planes, strict=True):
    along, down = np.array(header.orientation, np.float64).reshape(2, 3)
    height, width = header.pixel_size
    for i, j in ((0, 0), (columns - 1, 0), (0, rows - 1)):
      found = header.origin + i * width * along + j * height * down
      distance = np.linalg.norm(found - start - steps @ [i, j, plane])
      if distance > limit:
        raise grid.NoGridError(
          f'a slice lies {distance:.2g} mm beside a regular grid with '
          'perpendicular axes (a tilted gantry, or slices that are not equally '
          f'distant), and {limit:.2g} mm is the limit; resample the series'
        )
