# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""How alike two slices are after they are aligned."""

import cv2
import numpy as np

# Pixels of a thumbnail. Details are finer than this standard deviation; the
# coarse shapes of any two chests are alike.
_COARSE = 2.0
_NOISE = 1.3
_STOP = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 1e-3)
# Share of the first picture that the second must cover.
_LEAST_SHARED = 0.5


def likeness(first: np.ndarray, second: np.ndarray) -> float:
  """Returns the correlation of the details of two pictures after alignment.

  The second picture is moved, scaled and sheared to fit the first, for which
  both must have the same orientation and differ by less than a tenth of a side.
  0 means that they could not be aligned.

  Args:
    first: `[S, S]` uint8.
    second: of the same shape.
  """
  warp = np.eye(2, 3, dtype=np.float32)
  try:
    smooth = [_blur(x, _NOISE) for x in (first, second)]
    cv2.findTransformECC(*smooth, warp, cv2.MOTION_AFFINE, _STOP, None, 5)
  except cv2.error:
    # It did not converge.
    return 0.0
  shared = _warp(np.ones_like(second), warp, cv2.INTER_NEAREST)
  shared = cv2.erode(shared, np.ones((3, 3), np.uint8)) > 0
  if shared.mean() < _LEAST_SHARED:
    return 0.0
  details = [x - _blur(x, _COARSE) for x in map(np.float32, (first, second))]
  fitted = _warp(details[1], warp, cv2.INTER_LINEAR)
  values = details[0][shared], fitted[shared]
  if min(x.std() for x in values) == 0:
    return 0.0
  return float(np.corrcoef(*values)[0, 1])


def _blur(image: np.ndarray, deviation: float) -> np.ndarray:
  return cv2.GaussianBlur(image, (0, 0), deviation)


def _warp(image: np.ndarray, warp: np.ndarray, flags: int) -> np.ndarray:
  size = image.shape[::-1]
  return cv2.warpAffine(image, warp, size, flags=flags | cv2.WARP_INVERSE_MAP)
