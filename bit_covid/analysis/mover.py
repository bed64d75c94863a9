# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Intervals of functions of several measures, from those of the measures.

MOVER, the method of variance estimates recovery: the distance from a measure to
its lower bound stands for its standard error downwards, that to the upper one
for its standard error upwards.

Zou, G. Y. & Donner, A. Statistics in Medicine 27 (2008), for sums; Donner, A. &
Zou, G. Y. Statistical Methods in Medical Research 21 (2012), for ratios.
"""

import numpy as np

from bit_covid.analysis import interval as interval_lib
from bit_covid.analysis import ratios

Interval = interval_lib.Interval


def combined(
  value: float | np.ndarray, lows: np.ndarray, highs: np.ndarray
) -> Interval:
  """Returns the interval of a function of K independent measures.

  Args:
    value: of the function, `[...]`.
    lows: its values, each with one of the measures at the bound that makes it
      small, `[K, ...]`.
    highs: the same where it is large.
  """
  down = np.sqrt(((value - lows) ** 2).sum(axis=0))
  up = np.sqrt(((highs - value) ** 2).sum(axis=0))
  return Interval(value, value - down, value + up)


def difference(
  a: Interval, b: Interval, correlation: float | np.ndarray
) -> Interval:
  """Returns the interval of B minus A, of correlated measures."""

  def distance(of_a: np.ndarray, of_b: np.ndarray) -> np.ndarray:
    squared = of_a**2 + of_b**2 - 2 * correlation * of_a * of_b
    return np.sqrt(np.maximum(squared, 0))

  value = b.value - a.value
  down = distance(a.high - a.value, b.value - b.low)
  up = distance(a.value - a.low, b.high - b.value)
  return Interval(value, value - down, value + up)


def part_of_sum(part: Interval, rest: Interval) -> Interval:
  """Returns the interval of part / (part + rest), of measures of at least 0.

  It is 1 / (1 + ratio), with the interval of Donner and Zou of the ratio. NaN
  where both are 0.
  """
  product = rest.value * part.value
  value = ratios.ratio(part.value, part.value + rest.value)
  with np.errstate(divide='ignore', invalid='ignore'):
    # The ratio is (product -+ root) / squared. Written with the root in the
    # denominator, its lower bound is exact where the two nearly cancel.
    squared = rest.low * (2 * rest.value - rest.low)
    root = product**2 - squared * part.high * (2 * part.value - part.high)
    smallest = squared / (product + np.sqrt(np.maximum(root, 0)))
    smallest = np.where(rest.low == 0, 0, smallest)
    squared = rest.high * (2 * rest.value - rest.high)
    below = part.low * (2 * part.value - part.low)
    root = product**2 - squared * below
    largest = (product + np.sqrt(np.maximum(root, 0))) / below
    largest = np.where(part.low == 0, np.inf, largest)
  low, high = 1 / (1 + largest), 1 / (1 + smallest)
  is_known = ~np.isnan(value)
  return Interval(
    value, np.where(is_known, low, np.nan), np.where(is_known, high, np.nan)
  )
