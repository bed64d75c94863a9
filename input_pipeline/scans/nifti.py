# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""NIfTI volumes as scans: the axial slices of a volume, from head to feet."""

import functools
import gzip
import pathlib
from typing import NamedTuple
import zlib

import nibabel
import numpy as np

from input_pipeline.scans import input_file
from input_pipeline.scans import limits
from input_pipeline.scans import orientation
from input_pipeline.scans import scan
from input_pipeline.scans import window as window_lib

# A volume in Hounsfield units contains air, which is near -1000, and so values
# below this.
_AIR = -500.0
# In NIfTI, x goes to the right and y to the front; in DICOM, to left and back.
_TO_DICOM = np.array([-1.0, -1.0, 1.0])


class _Volume(NamedTuple):
  """A volume, and where its axial slices are.

  Attributes:
    stored: `[X, Y, Z]`, the stored values.
    scaling: slope and intercept, from stored values to Hounsfield units.
    affine: `[4, 4]`, from voxels to mm.
    axis: the axis along which slices are stacked.
    directions: the orientation of a slice, six direction cosines.
  """

  stored: np.ndarray
  scaling: tuple[float, float]
  affine: np.ndarray
  axis: int
  directions: np.ndarray


def to_scan(
  file: input_file.InputFile,
  *,
  window: tuple[float, float],
  folder: pathlib.Path,
) -> scan.Scan:
  """Returns a volume as a scan.

  Args:
    file: a .nii or .nii.gz file.
    window: center and width in Hounsfield units.
    folder: an empty folder for the unpacked file, which must exist as long as
      the scan is used.

  Raises:
    ValueError: the file is damaged or holds no CT volume. The message does not
      name it.
  """
  volume = _open(file.path, folder)
  is_gray = _is_gray(volume)
  count = volume.stored.shape[volume.axis]
  positions = _positions(volume, count)
  read = functools.partial(
    _read, volume, file.name, window=None if is_gray else window
  )
  slices = [
    scan.Slice(
      f'{file.name}, slice {i + 1}', positions[i], functools.partial(read, i)
    )
    for i in sorted(range(count), key=lambda i: -positions[i])
  ]
  return scan.Scan(
    id=scan.digest(file.digest().encode()),
    name=file.name,
    source='nifti',
    slices=slices,
    window=None if is_gray else window,
    spacing=float(abs(positions[1] - positions[0])) if count > 1 else None,
    notes=(
      'Its values go from 0 to 255, so they are used as gray values; their '
      'window is not known.',
    )
    if is_gray
    else (),
  )


def _open(path: pathlib.Path, folder: pathlib.Path) -> _Volume:
  """Returns the volume in a file, which is first unpacked into the folder."""
  with path.open('rb') as stream:
    is_packed = stream.read(2) == b'\x1f\x8b'
  if is_packed:
    path = _unpack(path, folder)
  try:
    image = nibabel.load(path)
    return _Volume(
      _stored(image, path), _scaling(image), image.affine, *_axial(image)
    )
  except ValueError:
    raise
  # As for DICOM, a damaged header can make the library raise anything.
  except Exception as error:
    raise ValueError(
      f'a damaged NIfTI file ({type(error).__name__})'
    ) from error


def _positions(volume: _Volume, count: int) -> list[float]:
  """Returns the position of each slice along the body in mm, upwards."""
  step = np.zeros(4)
  step[volume.axis] = 1
  return [
    orientation.position_along_body(
      volume.directions,
      _TO_DICOM * (volume.affine @ (step * i + [0, 0, 0, 1]))[:3],
    )
    for i in range(count)
  ]


def _unpack(path: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
  """Returns the path of the unpacked file, whose slices can be read alone."""
  target = folder / 'volume.nii'
  size = 0
  try:
    with gzip.open(path) as source, target.open('xb') as file:
      while chunk := source.read(1 << 20):
        size += len(chunk)
        if size > limits.FILE_BYTES:
          raise ValueError(
            f'it unpacks to more than {limits.FILE_BYTES:,} bytes'
          )
        file.write(chunk)
  except (OSError, EOFError, zlib.error) as error:
    raise ValueError(f'a damaged .gz file ({type(error).__name__})') from error
  return target


def _stored(image: nibabel.Nifti1Image, path: pathlib.Path) -> np.ndarray:
  """Returns the stored values, `[X, Y, Z]`, memory-mapped."""
  shape, dtype = image.shape, image.get_data_dtype()
  if dtype.kind not in 'iuf':
    raise ValueError(f'its values are {dtype}; expected one number a voxel')
  while len(shape) > 3 and shape[-1] == 1:
    shape = shape[:-1]
  if len(shape) != 3:
    raise ValueError(f'its shape is {shape}; expected one volume of three axes')
  for rows, columns, slices in (shape, shape[1:] + shape[:1]):
    problem = limits.size_problem(rows, columns, slices)
    if problem:
      raise ValueError(problem)
  needed = image.dataobj.offset + dtype.itemsize * int(
    np.prod(shape, dtype=object)
  )
  if path.stat().st_size < needed:
    raise ValueError(
      f'it has {path.stat().st_size:,} bytes and needs {needed:,}: the end is '
      'missing'
    )
  return image.dataobj.get_unscaled().reshape(shape)


def _scaling(image: nibabel.Nifti1Image) -> tuple[float, float]:
  slope, intercept = float(image.dataobj.slope), float(image.dataobj.inter)
  if not (np.isfinite(slope) and np.isfinite(intercept) and slope != 0):
    raise ValueError(f'its scaling is {slope}, {intercept}')
  return slope, intercept


def _axial(image: nibabel.Nifti1Image) -> tuple[int, np.ndarray]:
  """Returns the axis along which slices are stacked, and their orientation."""
  steps = image.affine[:3, :3] * _TO_DICOM[:, np.newaxis]
  lengths = np.linalg.norm(steps, axis=0)
  if not np.isfinite(image.affine).all() or not (lengths > 0).all():
    raise ValueError('its affine matrix is damaged')
  cosines = steps / lengths
  axis = int(np.abs(cosines[2]).argmax())
  down, along = (i for i in range(3) if i != axis)
  directions = np.concatenate([cosines[:, along], cosines[:, down]])
  problem = orientation.problem(directions) or orientation.pixel_problem(
    lengths[down], lengths[along]
  )
  if problem:
    raise ValueError(problem)
  return axis, directions


def _is_gray(volume: _Volume) -> bool:
  """Returns whether the values are gray values and not Hounsfield units.

  Raises:
    ValueError: they are neither.
  """
  slope, intercept = volume.scaling
  sample = volume.stored[::4, ::4].astype(np.float64) * slope + intercept
  if not np.isfinite(sample).any():
    raise ValueError('all of its values are NaN or infinite')
  low, high = np.nanmin(sample), np.nanmax(sample)
  if low <= _AIR:
    return False
  if low >= 0 and 1 < high <= 255:
    return True
  raise ValueError(
    f'its values go from {low:g} to {high:g}; expected Hounsfield units, in '
    'which air is near -1000, or gray values from 0 to 255'
  )


def _read(
  volume: _Volume,
  name: str,
  index: int,
  *,
  window: tuple[float, float] | None,
) -> scan.Pixels:
  try:
    plane = np.take(volume.stored, index, axis=volume.axis)
  except (OSError, ValueError, IndexError) as error:
    raise scan.UnreadableError(
      name, f'slice {index + 1} cannot be read ({type(error).__name__})'
    ) from error
  slope, intercept = volume.scaling
  if window is None:
    values = plane.astype(np.float64) * slope + intercept
    gray = np.rint(np.clip(np.nan_to_num(values), 0, 255)).astype(np.uint8)
  else:
    gray = window_lib.stored_to_gray(
      plane, slope=slope, intercept=intercept, window=window
    )
  sizes = np.linalg.norm(volume.affine[:3, :3], axis=0)
  gray = orientation.with_square_pixels(gray, *np.delete(sizes, volume.axis))
  return scan.Pixels(orientation.upright(gray, volume.directions))
