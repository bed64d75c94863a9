# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Ratios that are NaN where they are undefined.

They are apart from `metrics`, whose scikit-learn takes long to load.
"""

import math

import numpy as np


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
  """Returns part / whole, broadcast, and NaN where the whole is 0."""
  shape = np.broadcast_shapes(np.shape(part), np.shape(whole))
  result = np.full(shape, math.nan)
  # [()] turns an array without axes into a scalar, as NumPy's functions do.
  return np.divide(part, whole, out=result, where=np.not_equal(whole, 0))[()]
