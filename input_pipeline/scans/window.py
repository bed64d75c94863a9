# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""From Hounsfield units to gray values.

    gray = uint8(255 * clip((HU - center) / width + 1/2, 0, 1))

The conversion to uint8 cuts the fraction off, as COVIDx CT does, so that the
same slices give the same pixels. The window itself is that of the checkpoint,
or else `DEFAULT`.
"""

import functools

import numpy as np

from input_pipeline import conventions

# Center and width in Hounsfield units, where a checkpoint names none.
DEFAULT = conventions.LUNG_WINDOW


def check(window: tuple[float, float]) -> tuple[float, float]:
  """Returns the window as two floats, center and width.

  Raises:
    ValueError: a value is not finite, or the width is not positive.
  """
  center, width = map(float, window)
  if not (np.isfinite(center) and np.isfinite(width) and width > 0):
    raise ValueError(
      f'The window is center {center:g}, width {width:g} in Hounsfield units; '
      'expected a width above 0, such as -600 and 1500.'
    )
  return center, width


def to_gray(hounsfield: np.ndarray, window: tuple[float, float]) -> np.ndarray:
  """Returns the gray values of Hounsfield units, uint8 of the same shape.

  NaN becomes black, as some programs pad slices with it.
  """
  center, width = window
  share = (hounsfield.astype(np.float64) - (center - width / 2)) / width
  share = np.clip(np.nan_to_num(share, nan=0.0, posinf=1.0, neginf=0.0), 0, 1)
  return (255 * share).astype(np.uint8)


def stored_to_gray(
  stored: np.ndarray,
  *,
  slope: float,
  intercept: float,
  window: tuple[float, float],
) -> np.ndarray:
  """Returns the gray values of stored values that must be rescaled first.

  Integers of up to 16 bits are looked up in a table, which takes a tenth of the
  time.

  Args:
    stored: values of any shape, as a file holds them.
    slope: Hounsfield units per step of the stored values.
    intercept: Hounsfield units of a stored 0.
    window: center and width in Hounsfield units.

  Returns:
    uint8, of the shape of `stored`.
  """
  if stored.dtype.kind in 'iu' and stored.dtype.itemsize <= 2:
    # Big-endian files give big-endian arrays.
    stored = stored.astype(stored.dtype.newbyteorder('='), copy=False)
    table = _table(stored.dtype.str, slope, intercept, window)
    return table[stored.view(f'u{stored.dtype.itemsize}')]
  return to_gray(stored.astype(np.float64) * slope + intercept, window)


@functools.lru_cache(maxsize=16)
def _table(
  dtype: str, slope: float, intercept: float, window: tuple[float, float]
) -> np.ndarray:
  """Returns the gray values of all bit patterns of an integer type."""
  size = np.dtype(dtype).itemsize
  patterns = np.arange(256**size, dtype=f'u{size}')
  values = patterns.view(dtype).astype(np.float64)
  return to_gray(values * slope + intercept, window)
