# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Small pictures of slices, by which copies are recognized."""

import tempfile

import cv2
import numpy as np

SIDE = 64

# Side of the picture in which the margin is looked for.
_COARSE_SIDE = 128
# A row or column belongs to the margin if fewer of its pixels are bright than
# this share of the fullest row's or column's.
_MARGIN = 0.1
# Wider than the strokes of burnt-in text.
_STROKE = np.ones((5, 5), np.uint8)


def thumbnail(image: np.ndarray) -> np.ndarray:
  """Returns a slice without its dark margin, `[64, 64]` uint8.

  Copies with another margin, size, aspect ratio or text beside the body have
  nearly the same thumbnail.

  Args:
    image: `[H, W]` uint8.
  """
  size = (_COARSE_SIDE, _COARSE_SIDE)
  coarse = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
  bright = (coarse > coarse.mean()).astype(np.uint8)
  bright = cv2.morphologyEx(bright, cv2.MORPH_OPEN, _STROKE)
  top, bottom = _extent(bright.sum(axis=1), image.shape[0])
  left, right = _extent(bright.sum(axis=0), image.shape[1])
  return cv2.resize(
    image[top:bottom, left:right], (SIDE, SIDE), interpolation=cv2.INTER_AREA
  )


def _extent(counts: np.ndarray, length: int) -> tuple[int, int]:
  """Returns start and end, in pixels, of what is not margin."""
  inside = np.flatnonzero(counts > _MARGIN * counts.max())
  if not inside.size:
    return 0, length
  start = int(inside[0]) * length // _COARSE_SIDE
  end = -(-(int(inside[-1]) + 1) * length // _COARSE_SIDE)
  return start, end


def new_store(count: int) -> np.ndarray:
  """Returns `[count, 64, 64]` uint8 on the disk, in a file that has no name.

  So memory does not grow with the number of slices.
  """
  with tempfile.TemporaryFile() as file:
    return np.memmap(file, np.uint8, 'w+', shape=(count, SIDE, SIDE))
