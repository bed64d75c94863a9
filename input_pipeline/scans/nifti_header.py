# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The header of a NIfTI file: how its values are stored, scaled and placed."""

import pathlib
from typing import BinaryIO, NamedTuple

import nibabel
import numpy as np

from input_pipeline.scans import grid
from input_pipeline.scans import limits
from input_pipeline.scans import orientation

# In NIfTI, x goes to the right and y to the front; in DICOM, to left and back.
TO_DICOM = np.array([-1.0, -1.0, 1.0])
# Millimetres by the code of the unit: metres, millimetres, micrometres. Without
# a unit they are millimetres.
_MM = {1: 1000.0, 2: 1.0, 3: 0.001}
_UNIT_BITS = 7
# Forms whose numbers differ by at most this many mm say the same.
_SAME_PLACE = 0.1
# The smallest volume of a voxel as a share of the product of its sides. With a
# gantry tilted by 35 degrees it is 0.82.
_MIN_VOLUME = 0.1


class _NiftiError(ValueError):
  """Why a volume is not read."""


class Volume(NamedTuple):
  """A volume, and where its axial slices are.

  Attributes:
    stored: `[X, Y, Z]`, the stored values.
    scaling: slope and intercept, from stored values to Hounsfield units.
    affine: `[4, 4]`, from voxels to mm.
    axis: the axis along which slices are stacked.
    directions: the orientation of a slice, six direction cosines.
    is_placed: whether the file says how the volume lies in the body.
    notes: sentences about the header.
    header: of a volume in the same place, without other texts.
  """

  stored: np.ndarray
  scaling: tuple[float, float]
  affine: np.ndarray
  axis: int
  directions: np.ndarray
  is_placed: bool
  notes: tuple[str, ...]
  header: nibabel.Nifti1Header


def read(path: pathlib.Path) -> Volume:
  """Returns the volume of a file that is not compressed, under any name.

  Raises:
    ValueError: the file is damaged or holds no CT volume. The message does not
      name it.
  """
  try:
    with path.open('rb') as stream:
      header, has_extensions = _header(stream)
    scaling, notes = _scaling(header)
    affine, is_placed, more = _placement(header)
    stored = _stored(header, path, has_extensions=has_extensions)
    return Volume(
      stored,
      scaling,
      affine,
      *_axial(affine),
      is_placed,
      (*notes, *more),
      grid.same_place(header, stored.shape),
    )
  except OSError as error:
    raise ValueError(f'it cannot be read: {error.strerror}') from error
  except _NiftiError as error:
    raise ValueError(str(error)) from error
  # As for DICOM, a damaged header can make the library raise anything.
  except Exception as error:
    raise ValueError(
      'a damaged NIfTI file: its header cannot be read; export it again'
    ) from error


def _header(stream: BinaryIO) -> tuple[nibabel.Nifti1Header, bool]:
  """Returns the header, and whether extensions follow it."""
  # Not `nibabel.load`, which goes by the name of the file.
  content = stream.read(nibabel.Nifti2Header.template_dtype.itemsize + 4)
  is_first = content[344:348] == b'n+1\0'
  kind = nibabel.Nifti1Header if is_first else nibabel.Nifti2Header
  size = kind.template_dtype.itemsize
  header = kind(content[:size], check=False)
  # Some programs leave 0 where the standard wants 1, or write negative sizes.
  if header['pixdim'][0] not in (-1, 1):
    header['pixdim'][0] = 1
  header['pixdim'][1:4] = abs(header['pixdim'][1:4])
  return header, content[size : size + 1] not in (b'', b'\0')


def _stored(
  header: nibabel.Nifti1Header, path: pathlib.Path, *, has_extensions: bool
) -> np.ndarray:
  """Returns the stored values, `[X, Y, Z]`, memory-mapped.

  Raises:
    _NiftiError: type, shape or length are not those of a volume.
  """
  shape, dtype = header.get_data_shape(), header.get_data_dtype()
  if dtype.kind not in 'iuf':
    raise _NiftiError(
      f'its values are of the type {header.get_value_label("datatype")}; '
      'expected one number a voxel'
    )
  while len(shape) > 3 and shape[-1] == 1:
    shape = shape[:-1]
  if len(shape) != 3:
    raise _NiftiError(
      f'its shape is {shape}; expected one volume of three axes. Export one '
      'series at a time'
    )
  for rows, columns, slices in (shape, shape[1:] + shape[:1]):
    problem = limits.size_problem(rows, columns, slices)
    if problem:
      raise _NiftiError(problem)
  size = path.stat().st_size
  num_bytes = dtype.itemsize * int(np.prod(shape, dtype=object))
  offset, start = int(header['vox_offset']), header.single_vox_offset
  if offset < start:
    # Values cannot begin within the header. 0 stands for its end.
    if has_extensions or (offset and size != start + num_bytes):
      raise _NiftiError(
        f'its header says that its values begin at byte {offset}; expected '
        f'{start} or more. Export it again'
      )
    offset = start
  if size < offset + num_bytes:
    raise _NiftiError(
      f'it has {size:,} bytes and needs {offset + num_bytes:,}: the end is '
      'missing; copy it again'
    )
  return np.memmap(path, dtype, 'r', offset, shape, order='F')


def _scaling(
  header: nibabel.Nifti1Header,
) -> tuple[tuple[float, float], tuple[str, ...]]:
  """Returns slope and intercept, and notes.

  Raises:
    _NiftiError: the intercept is not a number.
  """
  slope, intercept = float(header['scl_slope']), float(header['scl_inter'])
  if slope == 0:  # By the standard, the values are not scaled.
    return (1.0, 0.0), ()
  if not np.isfinite(slope):
    return (1.0, 0.0), (
      'The slope of its values is not a number, so they are used as stored.',
    )
  if not np.isfinite(intercept):
    raise _NiftiError(
      'the intercept of its values is not a number; export it again'
    )
  return (slope, intercept), ()


def _placement(
  header: nibabel.Nifti1Header,
) -> tuple[np.ndarray, bool, tuple[str, ...]]:
  """Returns the affine matrix in mm, whether the file gives it, and notes.

  Raises:
    _NiftiError: there is no usable matrix, and no size of the voxels.
  """
  given = []
  for code, get in (
    ('sform_code', header.get_sform),
    ('qform_code', header.get_qform),
  ):
    try:
      if header[code] > 0 and _is_usable(get()):
        given.append(get())
    except (ValueError, nibabel.spatialimages.HeaderDataError):
      pass  # As if it were not given.
  affine = given[0] if given else header.get_base_affine()
  if not _is_usable(affine):
    raise _NiftiError(
      'its header says neither how the volume lies nor how large its voxels '
      'are; export it again'
    )
  notes = ()
  if not given:
    notes = (
      'Nothing in the file says how the volume lies in the body: which side is '
      'the left one, and which end is the head, is a guess.',
    )
  elif len(given) > 1 and not np.allclose(*given, atol=_SAME_PLACE):
    notes = (
      'Its header says in two ways how the volume lies (sform and qform), '
      'which differ; the sform is used.',
    )
  unit = _MM.get(int(header['xyzt_units']) & _UNIT_BITS, 1.0)
  return np.diag([unit, unit, unit, 1]) @ affine, bool(given), notes


def _is_usable(affine: np.ndarray) -> bool:
  sides = np.linalg.norm(affine[:3, :3], axis=0)
  if not (np.abs(affine) < limits.NUMBER).all() or not (sides > 0).all():
    return False
  return abs(np.linalg.det(affine[:3, :3] / sides)) > _MIN_VOLUME


def _axial(affine: np.ndarray) -> tuple[int, np.ndarray]:
  """Returns the axis along which slices are stacked, and their orientation.

  Raises:
    _NiftiError: the slices are not axial, or their pixels not square.
  """
  steps = affine[:3, :3] * TO_DICOM[:, np.newaxis]
  lengths = np.linalg.norm(steps, axis=0)
  cosines = steps / lengths
  axis = int(np.abs(cosines[2]).argmax())
  down, along = (i for i in range(3) if i != axis)
  directions = np.concatenate([cosines[:, along], cosines[:, down]])
  problem = orientation.problem(directions) or orientation.pixel_problem(
    lengths[down], lengths[along]
  )
  if problem:
    raise _NiftiError(problem)
  return axis, directions
