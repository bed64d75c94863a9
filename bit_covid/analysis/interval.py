# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A measure with the bounds of its interval, and the level of all intervals."""

from typing import NamedTuple

import numpy as np

LEVEL = 0.95
# How tables and pages name the level.
LEVEL_TEXT = f'{100 * LEVEL:g} %'


class Interval(NamedTuple):
  """A measure and the bounds of its interval; floats or arrays of one shape.

  Bounds are NaN where the value is.
  """

  value: float | np.ndarray
  low: float | np.ndarray
  high: float | np.ndarray

  def complement(self) -> 'Interval':
    """Returns the interval of 1 minus the measure."""
    return Interval(1 - self.value, 1 - self.high, 1 - self.low)


def stacked(intervals: list[Interval]) -> Interval:
  """Returns the intervals of C floats as one of arrays `[C]`."""
  return Interval(*np.transpose(intervals))
