# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""How a slice lies in the body: axial or not, and which way is up.

Directions are DICOM's: x to the patient's left, y to the back, z to the head.
"""

import numpy as np

# The largest angle between the body's axis and a slice's that counts as axial.
# A tilted gantry goes to 30 degrees; the next plane is 90 away.
_MAX_TILT = 35.0


def problem(orientation: np.ndarray) -> str | None:
  """Returns what is wrong with the six direction cosines of rows and columns.

  None for an axial slice.
  """
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
  """Returns where a slice lies along its normal, upwards, in mm."""
  rows, columns = np.asarray(orientation, np.float64).reshape(2, 3)
  normal = np.cross(rows, columns)
  upwards = normal if normal[2] >= 0 else -normal
  return float(upwards @ np.asarray(origin, np.float64))


def upright(image: np.ndarray, orientation: np.ndarray) -> np.ndarray:
  """Returns the slice with the patient's front up and right side at the left.

  By mirroring and quarter turns only: no pixel changes. That is how COVIDx CT
  and a radiologist's screen show a slice.
  """
  rows, columns = np.asarray(orientation, np.float64).reshape(2, 3)
  if abs(rows[1]) > abs(rows[0]):
    # Along a row one goes to the front or back.
    image, rows, columns = image.T, columns, rows
  if rows[0] < 0:
    image = image[:, ::-1]
  if columns[1] < 0:
    image = image[::-1]
  return np.ascontiguousarray(image)
