# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Finds the box around the body, for images without an annotated box.

The steps are those that COVIDx CT documents for its own boxes, with OpenCV:
blur, Otsu's threshold over the pixels that are not black, erosion, and the
largest contour.
"""

import cv2
import numpy as np

# The smallest width and height of a body, as shares of the image's. The
# smallest box of COVIDx CT, 32 x 25 of 512 x 512, is larger; a bright speck of
# the table is smaller.
_MIN_SIDE = 1 / 32


def body_box(image: np.ndarray) -> np.ndarray:
  """Returns the box around the body: int32 xmin, ymin, xmax, ymax, exclusive.

  The box is the whole image if the slice is black or shows nothing but specks,
  so that no slice is lost.

  Args:
    image: `[H, W]` uint8, a slice under a lung window.
  """
  height, width = image.shape
  whole = np.array([0, 0, width, height], np.int32)
  body = outline(image)
  if body is None:
    return whole
  xmin, ymin, box_width, box_height = cv2.boundingRect(body)
  return np.array([xmin, ymin, xmin + box_width, ymin + box_height], np.int32)


def outline(image: np.ndarray) -> np.ndarray | None:
  """Returns the outline of the body, eroded by 3 pixels, as OpenCV draws it.

  None if the slice is black or shows nothing but specks.

  Args:
    image: as for `body_box`.
  """
  blurred = cv2.GaussianBlur(image, (5, 5), 0)
  visible = blurred[blurred > 0]
  if not visible.size:
    return None
  threshold, _ = cv2.threshold(visible, 0, 255, cv2.THRESH_OTSU)
  foreground = (blurred > threshold).astype(np.uint8)
  # Removes the edge of the table and other thin structures.
  foreground = cv2.erode(foreground, np.ones((7, 7), np.uint8))
  contours, _ = cv2.findContours(
    foreground, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
  )
  if not contours:
    return None
  body = max(contours, key=cv2.contourArea)
  _, _, width, height = cv2.boundingRect(body)
  is_speck = (
    width < _MIN_SIDE * image.shape[1] or height < _MIN_SIDE * image.shape[0]
  )
  return None if is_speck else body
