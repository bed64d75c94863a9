# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Intervals of measures that follow from others, in cases done by hand."""

import numpy as np
import pytest

from bit_covid.analysis import derived_intervals
from bit_covid.analysis import interval as interval_lib
from bit_covid.analysis import metrics

Interval = interval_lib.Interval


def test_predictive_values_of_a_rare_class():
  # Of 60 negative patients with one slice each, none is called.
  none = Interval(1.0, 0.025 ** (1 / 60), 1.0)
  ppv, npv = derived_intervals.predictive_values(
    none, none, np.array([0.5, 0.001, 0])
  )
  assert ppv.value[:2].tolist() == [1, 1]
  assert ppv.high[:2].tolist() == [1, 1]
  assert 0.9 < ppv.low[0] < 0.95
  # 1 in 1,000 against false alarms in up to 6 %.
  assert 0.014 < ppv.low[1] < 0.018
  assert npv.low[1] > 0.999
  assert npv.low[2] == 1


def test_balanced_accuracy_by_hand():
  found = derived_intervals.balanced_accuracy(
    Interval(np.array([0.9, 0.7]), np.array([0.8, 0.4]), np.array([1.0, 0.8]))
  )
  # Square-and-add of 0.1 and 0.3 below, of 0.1 and 0.1 above, by two classes.
  assert found.value == pytest.approx(0.8)
  assert found.low == pytest.approx(0.8 - np.sqrt(0.1**2 + 0.3**2) / 2)
  assert found.high == pytest.approx(0.8 + np.sqrt(0.1**2 + 0.1**2) / 2)


def test_kappa_changes_with_the_sensitivity_of_each_class():
  confusion = np.array([[90.0, 10.0], [20.0, 80.0]])
  rates = Interval(np.array([0.9, 0.8]), np.array([0.8, 0.8]), np.ones(2))
  found = derived_intervals.chance_corrected(confusion, rates)
  # Only the first class has a bound below: its row would be 80, 20.
  expected = metrics.from_confusion([[80, 20], [20, 80]])
  for name in ('kappa', 'mcc'):
    assert found[name].low == pytest.approx(expected[name])
    assert found[name].high > found[name].value


def test_f1_is_that_of_counts():
  # 8 of 10 hits, 5 of 40 false alarms.
  exact = [Interval(x, x, x) for x in (0.8, 35 / 40)]
  found = derived_intervals.f1(*exact, 0.2)
  assert found == pytest.approx([16 / 23] * 3)


def test_average_precision_follows_the_odds_of_the_area():
  # Odds of an error of 1 to 9, then of 1 to 4: 2.25 times as large.
  found = derived_intervals.average_precision(0.5, 0.9, np.array([0.8]), 0.3)
  assert found[0] == pytest.approx(1 / (1 + 2.25))
  # Without an error in the area, the odds of the prevalence are taken.
  found = derived_intervals.average_precision(1.0, 1.0, np.array([0.9]), 0.1)
  assert found[0] == pytest.approx(0.09 / (0.09 + 0.09))
