# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""MOVER against its formulas and against exact cases."""

import numpy as np
import pytest

from bit_covid.analysis import interval as interval_lib
from bit_covid.analysis import mover

Interval = interval_lib.Interval


def test_difference_of_independent_and_of_equal_measures():
  a, b = Interval(0.7, 0.6, 0.75), Interval(0.9, 0.8, 0.95)
  found = mover.difference(a, b, 0)
  # Newcombe's square-and-add.
  assert found.low == pytest.approx(0.2 - np.hypot(0.1, 0.05))
  assert found.high == pytest.approx(0.2 + np.hypot(0.05, 0.1))
  same = mover.difference(b, Interval(0.9, 0.85, 1.0), 1.0)
  assert same == pytest.approx((0, 0, 0), abs=1e-9)


@pytest.mark.parametrize(
  ('part', 'rest'),
  [((0.8, 0.7, 0.9), (0.1, 0.05, 0.2)), ((0.5, 0.3, 0.8), (0.5, 0.4, 0.55))],
)
def test_part_of_a_sum_by_the_formula_of_donner_and_zou(part, rest):
  (two, l2, u2), (one, l1, u1) = part, rest
  product = one * two
  low = product - np.sqrt(
    product**2 - l1 * u2 * (2 * one - l1) * (2 * two - u2)
  )
  low /= u2 * (2 * two - u2)
  high = product + np.sqrt(
    product**2 - u1 * l2 * (2 * one - u1) * (2 * two - l2)
  )
  high /= l2 * (2 * two - l2)
  found = mover.part_of_sum(Interval(*part), Interval(*rest))
  expected = two / (one + two), 1 / (1 + high), 1 / (1 + low)
  assert tuple(found) == pytest.approx(expected)


def test_ends_have_bounds():
  certain = mover.part_of_sum(Interval(1.0, 0.9, 1.0), Interval(0.0, 0.0, 0.04))
  assert (certain.value, certain.high) == (1, 1)
  assert certain.low == pytest.approx(1 / (1 + 0.04 / np.sqrt(0.9 * 1.1)))
  nothing = mover.part_of_sum(Interval(0.0, 0.0, 0.1), Interval(0.5, 0.4, 0.6))
  assert (nothing.value, nothing.low) == (0, 0)
  assert 0.1 < nothing.high < 0.25
  neither = mover.part_of_sum(Interval(0.0, 0.0, 0.1), Interval(0.0, 0.0, 0.1))
  assert np.isnan(np.stack(neither)).all()
