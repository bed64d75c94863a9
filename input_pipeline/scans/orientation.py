# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The orientation of a slice in the body.

Directions are those of DICOM: x to the patient's left, y to the back, z to the
head. An orientation is six numbers: the direction cosines of the rows, then
those of the columns. `nifti_header` turns NIfTI's directions into these.
"""

import cv2
import numpy as np

# The largest angle in degrees between the normal of an axial slice and the axis
# of the body. A gantry tilts by up to 30. Coronal and sagittal slices have 90.
_MAX_TILT = 35.0
# Orientations that differ by at most this angle in degrees are one.
_SAME_ANGLE = 1.0
# The largest ratio of the sides of a pixel. With a larger one the slice was
# made of slices in another plane, and is blurred. Up to the second ratio, a
# pixel is taken as square.
_MAX_ASPECT, _SQUARE = 2.0, 1.01


def problem(orientation: np.ndarray) -> str | None:
  """Returns why a slice with this orientation is not axial; None if it is."""
  rows, columns = np.asarray(orientation, np.float64).reshape(2, 3)
  lengths = np.linalg.norm(rows), np.linalg.norm(columns)
  if not np.allclose(lengths, 1, atol=0.01) or abs(rows @ columns) > 0.01:
    return 'its orientation is not that of two perpendicular directions'
  angle = tilt(orientation)
  if angle > _MAX_TILT:
    return (
      f'not an axial slice: its plane is {angle:.0f} degrees from the axial one'
    )
  return None


def tilt(orientation: np.ndarray) -> float:
  """Returns the angle between a slice and an axial one in degrees."""
  rows, columns = np.asarray(orientation, np.float64).reshape(2, 3)
  normal = np.cross(rows, columns)
  return float(np.degrees(np.arctan2(np.hypot(*normal[:2]), abs(normal[2]))))


def groups(orientations: np.ndarray) -> np.ndarray:
  """Returns the number of the group of each orientation, `[N]`.

  Orientations of which rows and columns differ by at most a degree are in one
  group, and so are those with such orientations between them.

  Args:
    orientations: `[N, 6]`.
  """
  distinct, indices = np.unique(orientations, axis=0, return_inverse=True)
  # The length of the chord is exact for small angles, their cosine is not.
  limit = 2 * np.sin(np.radians(_SAME_ANGLE) / 2) + 1e-6
  numbers = np.full(len(distinct), -1)
  for start in range(len(distinct)):
    reached = [start] if numbers[start] < 0 else []
    number = numbers.max() + 1
    while reached:
      current = reached.pop()
      numbers[current] = number
      chords = (distinct - distinct[current]).reshape(-1, 2, 3)
      near = (np.linalg.norm(chords, axis=2) <= limit).all(axis=1)
      near &= numbers < 0
      numbers[near] = number
      reached += np.flatnonzero(near).tolist()
  return numbers[indices.reshape(-1)]


def pixel_problem(height: float, width: float) -> str | None:
  """Returns why pixels of this size, in mm, are not read; None if they are."""
  if not (height > 0 and width > 0):
    return f'its pixels are {height:g} x {width:g} mm; expected sizes above 0'
  if max(height, width) > (_MAX_ASPECT + 0.001) * min(height, width):
    return (
      f'its pixels are {height:.3g} mm high and {width:.3g} mm wide, more than '
      f'{_MAX_ASPECT:g} to 1: it was not made of axial slices'
    )
  return None


def with_square_pixels(
  image: np.ndarray, height: float, width: float
) -> np.ndarray:
  """Returns a slice whose pixels are square, at the finer of its resolutions.

  Args:
    image: `[H, W]` uint8.
    height: of a pixel, in any unit.
    width: of a pixel, in the same unit.
  """
  side = min(height, width)
  if max(height, width) <= _SQUARE * side:
    return image
  rows, columns = image.shape
  size = round(columns * width / side), round(rows * height / side)
  return cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)


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


def as_stored(
  image: np.ndarray, orientation: np.ndarray, shape: tuple[int, int]
) -> np.ndarray:
  """Returns an image of an upright slice as the slice is stored, `shape`.

  It undoes `upright` and then `with_square_pixels`.

  Args:
    image: `[H, W]` uint8 or float32.
    orientation: six direction cosines of the stored slice.
    shape: rows and columns of the stored slice.
  """
  rows, columns = np.asarray(orientation, np.float64).reshape(2, 3)
  is_turned = abs(rows[1]) > abs(rows[0])
  if is_turned:
    rows, columns = columns, rows
  if columns[1] < 0:
    image = image[::-1]
  if rows[0] < 0:
    image = image[:, ::-1]
  image = np.ascontiguousarray(image.T if is_turned else image)
  if image.shape == shape:
    return image
  return cv2.resize(image, shape[::-1], interpolation=cv2.INTER_LINEAR)
