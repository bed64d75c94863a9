# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The orientation of a slice in the body.

Directions are those of DICOM: x to the patient's left, y to the back, z to the
head. An orientation is six numbers: the direction cosines of the rows, then
those of the columns.
"""

import numpy as np

# The largest angle in degrees between the normal of an axial slice and the axis
# of the body. A gantry tilts by up to 30. Coronal and sagittal slices have 90.
_MAX_TILT = 35.0


def problem(orientation: np.ndarray) -> str | None:
  """Returns why a slice with this orientation is not axial; None if it is."""
  rows, columns = np.asarray(orientation, np.float64).reshape(2, 3)
  lengths = np.linalg.norm(rows), np.linalg.norm(columns)
  if not np.allclose(lengths, 1, atol=0.01) or abs(rows @ columns) > 0.01:
    return 'its orientation is not that of two perpendicular directions'
  normal = np.cross(rows, columns)
  tilt = np.degrees(np.arccos(np.clip(abs(normal[2]), 0, 1)))
  if tilt > _MAX_TILT:
    return (
      f'not an axial slice: its plane is {tilt:.0f} degrees from the axial one'
    )
  return None


def position_along_body(orientation: np.ndarray, origin: np.ndarray) -> float:
  """Returns the position of a slice along its normal in mm, upwards.

  Args:
    orientation: six direction cosines.
    origin: position of the first pixel in mm, `[3]`.
  """
  rows, columns = np.asarray(orientation, np.float64).reshape(2, 3)
  normal = np.cross(rows, columns)
  upwards = normal if normal[2] >= 0 else -normal
  return float(upwards @ np.asarray(origin, np.float64))


def upright(image: np.ndarray, orientation: np.ndarray) -> np.ndarray:
  """Returns the slice with the patient's front up and right side on the left.

  Radiologists and COVIDx CT show slices this way. The image is only mirrored
  and turned by 90 degrees, so no pixel changes.

  Args:
    image: `[H, W]`.
    orientation: six direction cosines.
  """
  rows, columns = np.asarray(orientation, np.float64).reshape(2, 3)
  if abs(rows[1]) > abs(rows[0]):
    # The rows run from front to back.
    image, rows, columns = image.T, columns, rows
  if rows[0] < 0:
    image = image[:, ::-1]
  if columns[1] < 0:
    image = image[::-1]
  return np.ascontiguousarray(image)
