# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The voxels of a scan as its files store them, and where they are in the body.

What is computed on upright slices goes back into the scan's own volume here.
"""

from collections.abc import Sequence
from typing import NamedTuple

import nibabel
import numpy as np

from input_pipeline.scans import orientation

# Fields of a NIfTI header that say where the voxels are. The others may hold a
# name.
_FIELDS = (
  *('pixdim', 'xyzt_units', 'qform_code', 'sform_code'),
  *('quatern_b', 'quatern_c', 'quatern_d'),
  *('qoffset_x', 'qoffset_y', 'qoffset_z'),
  *('srow_x', 'srow_y', 'srow_z'),
)


class NoGridError(ValueError):
  """The voxels of a scan are on no regular grid. The message says why.

  It names no file, and continues a sentence: 'the slices are ...'.
  """


class Grid(NamedTuple):
  """The voxels of a scan.

  Attributes:
    header: shape of the volume and place of its voxels, without other texts.
    axis: the axis along which slices are stacked.
    indices: index of each slice of the scan along this axis.
    directions: six direction cosines of a plane across this axis, as an image.
    pixel_size: height and width of a pixel of this image, in any unit.
  """

  header: nibabel.Nifti1Header
  axis: int
  indices: Sequence[int]
  directions: np.ndarray
  pixel_size: tuple[float, float]

  @property
  def shape(self) -> tuple[int, int, int]:
    """The number of voxels along each axis."""
    return self.header.get_data_shape()

  @property
  def image_shape(self) -> tuple[int, int]:
    """Height and width of a slice, upright and with square pixels."""
    plane = np.zeros(np.delete(self.shape, self.axis), np.uint8)
    square = orientation.with_square_pixels(plane, *self.pixel_size)
    return orientation.upright(square, self.directions).shape

  def put(self, volume: np.ndarray, number: int, image: np.ndarray) -> None:
    """Writes an image of a slice into the volume, where the slice lies.

    Args:
      volume: of the shape of this grid.
      number: of the slice in its scan, from 0.
      image: `[H, W]` float32, upright and with square pixels, as `Slice.read`
        returns the slice.
    """
    plane = np.moveaxis(volume, self.axis, 0)[self.indices[number]]
    plane[:] = orientation.as_stored(image, self.directions, plane.shape)


def none() -> Grid:
  """Returns nothing, for the scans whose files do not say where they lie.

  Raises:
    NoGridError: always.
  """
  raise NoGridError(
    'image files do not say where they lie in the body; give DICOM or NIfTI'
  )


def header_of(shape: Sequence[int], affine: np.ndarray) -> nibabel.Nifti1Header:
  """Returns the header of a volume.

  Args:
    shape: number of voxels along each axis.
    affine: `[4, 4]` from voxels to mm, as NIfTI counts them: to the right, to
      the front, to the head. Its axes must be perpendicular.
  """
  header = nibabel.Nifti1Header()
  header.set_data_shape(shape)
  header.set_xyzt_units('mm')
  # In the coordinates of the scanner. Some programs read one, some the other.
  header.set_qform(affine, code='scanner')
  header.set_sform(affine, code='scanner')
  return header


def same_place(
  header: nibabel.Nifti1Header, shape: Sequence[int]
) -> nibabel.Nifti1Header:
  """Returns a header whose voxels lie where those of another one do.

  Any program then places both alike, whichever form it reads.
  """
  copy = type(header)()
  copy.set_data_shape(shape)
  for name in _FIELDS:
    copy[name] = header[name]
  return copy
