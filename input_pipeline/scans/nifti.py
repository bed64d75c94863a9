# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""NIfTI volumes as scans: the axial slices of a volume, from head to feet."""

from collections.abc import Sequence
import functools

import numpy as np

from input_pipeline.scans import grid
from input_pipeline.scans import input_file
from input_pipeline.scans import nifti_header
from input_pipeline.scans import orientation
from input_pipeline.scans import scan
from input_pipeline.scans import window as window_lib

# A volume in Hounsfield units contains air, which is near -1000, and so values
# below this.
_AIR = -500.0


def to_scan(
  file: input_file.InputFile, *, window: tuple[float, float]
) -> scan.Scan:
  """Returns a volume as a scan.

  Args:
    file: a NIfTI file that is not compressed, under any name. It must exist as
      long as the scan is used.
    window: center and width in Hounsfield units.

  Raises:
    ValueError: the file is damaged or holds no CT volume; it is not named.
  """
  volume = nifti_header.read(file.path)
  notes = volume.notes
  if _is_gray(volume):
    window = None
    notes += (
      'Its values go from 0 to 255, so they are used as gray values; their '
      'window is not known.',
    )
  positions = _positions(volume)
  order = sorted(range(len(positions)), key=lambda i: -positions[i])
  identity = scan.digest(file.digest().encode())
  read = functools.partial(_read, volume, file.name, window=window)
  slices = [
    scan.Slice(
      f'{file.name}, slice {i + 1}',
      positions[i] if volume.is_placed else None,
      functools.partial(read, i),
      file.name,
      identity,
      file.path,
    )
    for i in order
  ]
  return scan.Scan(
    id=identity,
    name=file.name,
    source='nifti',
    slices=slices,
    window=window,
    spacing=float(abs(np.diff(positions)[0])) if len(positions) > 1 else None,
    notes=notes,
    grid=functools.partial(_grid, volume, order),
    has_sides=volume.is_placed,
  )


def _grid(volume: nifti_header.Volume, order: Sequence[int]) -> grid.Grid:
  return grid.Grid(
    volume.header, volume.axis, order, volume.directions, _pixel_size(volume)
  )


def _pixel_size(volume: nifti_header.Volume) -> tuple[float, float]:
  """Returns the height and width of a pixel in mm."""
  sizes = np.linalg.norm(volume.affine[:3, :3], axis=0)
  height, width = np.delete(sizes, volume.axis)
  return height, width


def _positions(volume: nifti_header.Volume) -> list[float]:
  """Returns the position of each slice along the body in mm, upwards."""
  step = np.zeros(4)
  step[volume.axis] = 1
  return [
    orientation.position_along_body(
      volume.directions,
      nifti_header.TO_DICOM * (volume.affine @ (step * i + [0, 0, 0, 1]))[:3],
    )
    for i in range(volume.stored.shape[volume.axis])
  ]


def _is_gray(volume: nifti_header.Volume) -> bool:
  """Returns whether the values are gray values and not Hounsfield units.

  Raises:
    ValueError: they are neither.
  """
  slope, intercept = volume.scaling
  low, high = np.inf, -np.inf
  # One plane after the other, as a volume may be larger than the memory.
  for plane in np.moveaxis(volume.stored, 2, 0):
    with np.errstate(all='ignore'):
      sample = plane[::4, ::4].astype(np.float64) * slope + intercept
    sample = sample[np.isfinite(sample)]
    low = sample.min(initial=low)
    high = sample.max(initial=high)
  if low > high:
    raise ValueError('none of its values is a number; export it again')
  if low <= _AIR:
    return False
  if low >= 0 and 1 < high <= 255:
    return True
  raise ValueError(
    f'its values go from {low:g} to {high:g}; expected Hounsfield units, in '
    'which air is near -1000, or gray values from 0 to 255'
  )


def _read(
  volume: nifti_header.Volume,
  name: str,
  index: int,
  *,
  window: tuple[float, float] | None,
) -> scan.Pixels:
  try:
    plane = np.take(volume.stored, index, axis=volume.axis)
  except (OSError, ValueError, IndexError) as error:
    raise scan.UnreadableError(
      name, f'slice {index + 1} cannot be read; copy the file again'
    ) from error
  slope, intercept = volume.scaling
  with np.errstate(all='ignore'):
    if window is None:
      values = plane.astype(np.float64) * slope + intercept
      gray = np.rint(np.clip(np.nan_to_num(values), 0, 255)).astype(np.uint8)
    else:
      gray = window_lib.stored_to_gray(
        plane, slope=slope, intercept=intercept, window=window
      )
  gray = orientation.with_square_pixels(gray, *_pixel_size(volume))
  return scan.Pixels(orientation.upright(gray, volume.directions))
