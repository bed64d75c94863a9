# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Thresholds chosen on one table and measured on another."""

import math

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from bit_covid.analysis import intervals
from bit_covid.analysis import operating_points
from bit_covid.analysis import predictions


@pytest.fixture(scope='module')
def binary(make_table):
  """A table of the classes a and b from the probabilities of b."""

  def make(label, positive):
    positive = np.asarray(positive, float)
    return make_table(label, np.stack([1 - positive, positive], axis=1))

  return make


@pytest.fixture(scope='module')
def drawn(binary):
  """A table whose probabilities of b are larger for b."""

  def make(seed, count=300):
    generator = np.random.default_rng(seed)
    label = generator.integers(0, 2, count)
    return binary(label, generator.beta(1 + 2 * label, 2))

  return make


@pytest.mark.parametrize('wanted', [0.5, 0.9, 0.95, 0.99, 1])
@pytest.mark.parametrize('class_name', ['a', 'b'])
def test_threshold_gives_the_wanted_sensitivity_and_no_more(
  drawn, wanted, class_name
):
  val = drawn(0)
  threshold = operating_points.threshold(val, class_name, wanted)
  found = operating_points.at_threshold(val, class_name, threshold)
  assert found['sensitivity'].value >= wanted
  higher = operating_points.at_threshold(
    val, class_name, np.nextafter(threshold, 2)
  )
  assert higher['sensitivity'].value < wanted


def test_rounding_asks_for_no_extra_slice(binary):
  # 0.29 * 100 is 28.999999999999996, 0.57 * 100 is 56.99999999999999.
  table = binary([1] * 100 + [0], [*np.linspace(0.99, 0.5, 100), 0.1])
  for count in range(1, 101):
    threshold = operating_points.threshold(table, 'b', count / 100)
    assert (predictions.probabilities(table)[:100, 1] >= threshold).sum() == (
      count
    )


def test_measures_at_a_threshold_by_hand(binary):
  table = binary([1, 1, 1, 0, 0], [0.9, 0.5, 0.2, 0.6, 0.1])
  found = operating_points.at_threshold(table, 'b', 0.5)
  assert {name: x.value for name, x in found.items()} == pytest.approx(
    {'sensitivity': 2 / 3, 'specificity': 1 / 2, 'ppv': 2 / 3, 'npv': 1 / 2}
  )


def test_one_number_has_one_interval(make_table):
  # At a threshold that calls what is predicted, in three classes.
  generator = np.random.default_rng(3)
  table = make_table(np.arange(240) % 3, generator.dirichlet([0.1] * 3, 240))
  table['patient_id'] = [f'p{i % 24}' for i in range(240)]
  certain = np.eye(3)[predictions.probabilities(table).argmax(axis=1)]
  table[['p_a', 'p_b', 'p_c']] = certain
  expected = intervals.intervals(table)
  for i, name in enumerate('abc'):
    found = operating_points.at_threshold(table, name, 0.5)
    for measure, interval in found.items():
      np.testing.assert_array_equal(
        interval, [x[i] for x in expected[measure]], err_msg=measure
      )


def test_range_of_a_threshold_holds_that_of_the_population(binary):
  # Beta(3, 2) of the class: at 0.2486 it has a sensitivity of 0.95.
  truth, inside, count = 0.2486, 0, 60
  for seed in range(count):
    generator = np.random.default_rng(seed)
    table = binary(np.arange(80) % 2, generator.beta(3, 2, 80))
    found = operating_points.threshold_range(table, 'b', 0.95)
    assert found.low <= found.value <= found.high
    inside += found.low <= truth <= found.high
  assert inside >= 0.9 * count


def test_curves_have_the_areas_of_scikit_learn(drawn):
  table = drawn(2)
  label = table['label'].to_numpy(int)
  positive = predictions.probabilities(table)[:, 1]
  roc = operating_points.roc_curve(table, 'b')
  assert sklearn_metrics.auc(roc.x, roc.y) == pytest.approx(
    sklearn_metrics.roc_auc_score(label, positive)
  )
  curve = operating_points.precision_recall_curve(table, 'b')
  assert curve.x[0] == 1
  assert curve.x[-1] == 0


def test_class_without_slices_has_no_threshold_and_no_curve(binary):
  table = binary([0, 0], [0.2, 0.6])
  assert math.isnan(operating_points.threshold(table, 'b', 0.9))
  assert not len(operating_points.roc_curve(table, 'b').x)
  assert not len(operating_points.precision_recall_curve(table, 'a').x)


@pytest.mark.parametrize('wanted', [0, -0.1, 1.1, 95, math.nan])
def test_impossible_sensitivity_is_an_error(drawn, wanted):
  with pytest.raises(ValueError, match=r'Give 95 % as 0\.95'):
    operating_points.threshold(drawn(0), 'b', wanted)


def test_unknown_class_is_an_error(drawn):
  with pytest.raises(ValueError, match=r"No class 'c'.*a, b"):
    operating_points.threshold(drawn(0), 'c', 0.9)
