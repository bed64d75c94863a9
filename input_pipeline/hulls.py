# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Finds the body and the lungs in a slice, without a network.

Both are convex hulls: right for covering what is in them, and too much for
measuring it.
"""

import cv2
import numpy as np

from input_pipeline import body_crop

# The image is brought to this side, as outlines need not be finer.
_SIDE = 256
# Pixels by which regions that touch are parted, and by which hulls are widened,
# as lesions may lie at the edge of the lungs, and the body's outline is eroded.
_PARTED, _WIDENED = 3, 7
# A region of area A with more than this times sqrt(A) pixels at the border is
# outside the body. It is 4 for the frame around a body, 2.8 for a corner, and
# at most 1 for a lung that a tight crop cuts off.
_MOST_CONTACT = 1.5
# The smallest region, as a share of the image.
_SMALLEST = 0.003
# Pixels by which a region may reach below the body's box, which is too small by
# the erosion with which it is found. Air in the table reaches further.
_BELOW = 5
# How wide the hull must be, as a share of the body. The trachea is less wide.
_NARROWEST = 0.3


def body(image: np.ndarray) -> np.ndarray:
  """Returns the pixels of the body's hull, `[H, W]` bool; all if none is found.

  Args:
    image: as for `lungs`.
  """
  small = _shrunk(image)
  outline = body_crop.outline(small)
  if outline is None:
    return np.ones(image.shape, bool)
  # Where the chest wall is thin, the outline is that of a part of the body.
  points = np.concatenate([outline[:, 0], _lung_points(small)])
  return _filled(points, like=image)


def lungs(image: np.ndarray) -> np.ndarray:
  """Returns the pixels of the lungs' hull, `[H, W]` bool; none if not found.

  It is that of the two largest regions of air in the body and of their mirror
  images, as a diseased lung may be as dense as what is around it. The heart is
  in it.

  Args:
    image: `[H, W]` uint8, under a window in which lungs are darker than the
      tissue around them.
  """
  small = _shrunk(image)
  xmin, _, xmax, _ = body_crop.body_box(small)
  points = _lung_points(small)
  mirrored = np.array([xmin + xmax - 1, 0], np.int32) + points * (-1, 1)
  width = np.abs(mirrored - points)[:, 0].max(initial=0)
  if width <= _NARROWEST * (xmax - xmin):
    return np.zeros(image.shape, bool)
  return _filled(np.concatenate([points, mirrored]), like=image)


def _shrunk(image: np.ndarray) -> np.ndarray:
  return cv2.resize(image, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)


def _filled(points: np.ndarray, *, like: np.ndarray) -> np.ndarray:
  """Returns the widened hull of points of the shrunk image, `[H, W]` bool."""
  filled = np.zeros((_SIDE, _SIDE), np.uint8)
  points = points.astype(np.int32)
  cv2.fillConvexPoly(filled, cv2.convexHull(points), 1)
  filled = cv2.dilate(filled, _disk(_WIDENED))
  size = like.shape[::-1]
  return cv2.resize(filled, size, interpolation=cv2.INTER_NEAREST) > 0


def _lung_points(image: np.ndarray) -> np.ndarray:
  """Returns x and y of the two largest regions of air in the body, `[n, 2]`."""
  bottom = body_crop.body_box(image)[3] + _BELOW
  _, numbers, facts, _ = cv2.connectedComponentsWithStats(_air(image))
  areas = facts[:, cv2.CC_STAT_AREA]
  border = np.concatenate([*numbers[[0, -1]], *numbers[:, [0, -1]].T])
  contact = np.bincount(border, minlength=len(areas))
  ends = facts[:, cv2.CC_STAT_TOP] + facts[:, cv2.CC_STAT_HEIGHT]
  is_inside = contact <= _MOST_CONTACT * np.sqrt(areas)
  is_inside &= (areas >= _SMALLEST * image.size) & (ends <= bottom)
  is_inside[0] = False  # All that is not air.
  order = np.argsort(-areas * is_inside, kind='stable')[:2]
  y, x = np.nonzero(np.isin(numbers, order[is_inside[order]]))
  return np.stack([x, y], axis=1).astype(np.int32)


def _air(image: np.ndarray) -> np.ndarray:
  """Returns 1 where a slice is darker than soft tissue, `[S, S]` uint8."""
  blurred = cv2.GaussianBlur(image, (5, 5), 0)
  threshold, _ = cv2.threshold(blurred, 0, 255, cv2.THRESH_OTSU)
  # Ground glass, which Otsu's threshold divides, is taken for air.
  tissue = blurred[blurred > threshold]
  if tissue.size:
    threshold = (threshold + np.median(tissue)) / 2
  air = (blurred <= threshold).astype(np.uint8)
  return cv2.morphologyEx(air, cv2.MORPH_OPEN, _disk(_PARTED))


def _disk(size: int) -> np.ndarray:
  return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
