# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Calibration by hand, against scikit-learn, and on simulated networks."""

import math

import numpy as np
import pytest
import scipy.special
from sklearn import metrics as sklearn_metrics

from bit_covid.analysis import calibration
from bit_covid.analysis import predictions


@pytest.fixture(scope='module')
def simulated(make_table):
  """Labels drawn from softmax(logits); told is softmax(scale * logits)."""

  def make(*, scale, count=20_000):
    generator = np.random.default_rng(0)
    logits = 2 * generator.standard_normal((count, 3))
    truth = scipy.special.softmax(logits, axis=1)
    label = (generator.random((count, 1)) > truth.cumsum(axis=1)).sum(axis=1)
    return make_table(label, scipy.special.softmax(scale * logits, axis=1))

  return make


def test_measures_by_hand(make_table):
  table = make_table([0, 1, 1], [[0.9, 0.1], [0.1, 0.9], [0.7, 0.3]])
  found = calibration.measure(table)
  # Two of confidence 0.9 are right, one of 0.7 is wrong.
  assert found['ece'] == pytest.approx((2 * 0.1 + 0.7) / 3)
  assert found['brier'] == pytest.approx((0.02 + 0.02 + 0.98) / 3)
  assert found['nll'] == pytest.approx(-np.log([0.9, 0.9, 0.3]).mean())


def test_measures_equal_those_of_scikit_learn(simulated):
  table = simulated(scale=1.7, count=500)
  label = table['label'].to_numpy(int)
  probabilities = predictions.probabilities(table)
  found = calibration.measure(table)
  assert found['nll'] == pytest.approx(
    sklearn_metrics.log_loss(label, probabilities)
  )
  # scikit-learn's for two classes counts one of them.
  assert found['brier'] == pytest.approx(
    sum(
      sklearn_metrics.brier_score_loss(label == i, probabilities[:, i])
      for i in range(3)
    )
  )


def test_reliability_by_hand(make_table):
  table = make_table([0, 1, 1, 0], [[0.9, 0.1], [0.1, 0.9], [0.7, 0.3], [1, 0]])
  curve = calibration.reliability(table, bins=10)
  # An edge belongs to the bin below it.
  assert curve.count.tolist() == [0, 0, 0, 0, 0, 0, 1, 0, 2, 1]
  np.testing.assert_allclose(curve.confidence[[6, 8, 9]], [0.7, 0.9, 1])
  np.testing.assert_allclose(curve.accuracy[[6, 8, 9]], [0, 1, 1])
  assert np.isnan(curve.accuracy[0])
  # Of one slice that is right, at least 2.5 % are.
  assert (curve.low[9], curve.high[9]) == pytest.approx((0.025, 1))
  assert np.isnan(curve.low[0])


@pytest.mark.parametrize('scale', [2.5, 1, 0.4])
def test_temperature_of_a_simulated_network_is_found(simulated, scale):
  table = simulated(scale=scale)
  temperature = calibration.fit_temperature(table)
  assert temperature == pytest.approx(scale, rel=0.03)
  after = calibration.apply_temperature(table, temperature)
  assert calibration.measure(after)['ece'] < 0.01
  np.testing.assert_array_equal(
    predictions.probabilities(after).argmax(1),
    predictions.probabilities(table).argmax(1),
  )


def test_fitted_temperature_has_the_smallest_loss(simulated):
  table = simulated(scale=1.5, count=200)
  best = calibration.fit_temperature(table)
  losses = [
    calibration.measure(calibration.apply_temperature(table, best * x))['nll']
    for x in (0.99, 1, 1.01)
  ]
  assert losses[1] == min(losses)


def test_range_of_a_temperature_holds_that_of_the_population(simulated):
  table, inside = simulated(scale=1.5, count=6000), 0
  for i in range(40):
    part = table.iloc[150 * i : 150 * (i + 1)]
    value = calibration.fit_temperature(part)
    found = calibration.temperature_range(part, value)
    assert found.low < found.value < found.high
    inside += found.low <= 1.5 <= found.high
  assert inside >= 35


def test_range_of_a_temperature_is_over_patients(simulated):
  table = simulated(scale=1.5, count=300)
  value = calibration.fit_temperature(table)
  # The same patients with each slice nine times tell nothing new.
  often = table.loc[table.index.repeat(9)]
  once, nine = (calibration.temperature_range(x, value) for x in (table, often))
  assert nine == pytest.approx(once)


def test_without_errors_there_is_no_best_temperature(make_table):
  table = make_table([0, 1], [[0.9, 0.1], [0.2, 0.8]])
  assert math.isnan(calibration.fit_temperature(table))


def test_probability_zero_has_a_finite_loss(make_table):
  table = make_table([0, 1, 1], [[0, 1], [0, 1], [0.4, 0.6]])
  assert 200 < calibration.measure(table)['nll'] < 300
  # So sure and wrong that no temperature in the range is enough.
  assert math.isnan(calibration.fit_temperature(table))


@pytest.mark.parametrize('temperature', [0, -1, math.nan, math.inf])
def test_impossible_temperature_is_an_error(make_table, temperature):
  table = make_table([0], [[0.9, 0.1]])
  with pytest.raises(ValueError, match='expected a positive number'):
    calibration.apply_temperature(table, temperature)


def test_missing_probabilities_are_an_error(make_table):
  table = make_table([0], [[np.nan, 0.1]])
  with pytest.raises(ValueError, match='1 of 1 rows'):
    calibration.measure(table)


def test_losses_are_those_of_each_slice(simulated):
  table = simulated(scale=1.7, count=50)
  label = table['label'].to_numpy(int)
  found = calibration.losses(table)
  for i, p in enumerate(predictions.probabilities(table)):
    truth = np.arange(3) == label[i]
    assert found['brier'][i] == pytest.approx(np.sum((p - truth) ** 2))
    assert found['nll'][i] == pytest.approx(-math.log(p[label[i]]))


def test_error_of_drawings_lies_above_the_truth(simulated):
  # Why the expected calibration error has no interval: the truth is 0 here.
  table = simulated(scale=1, count=400)
  generator = np.random.default_rng(1)
  drawn = [
    calibration.measure(table.iloc[generator.integers(400, size=400)])['ece']
    for _ in range(200)
  ]
  assert np.quantile(drawn, 0.025) > 0.015
  assert np.median(drawn) > calibration.measure(table)['ece']


def test_bounds_know_what_errors_would_have_cost(make_table):
  # 20 patients of one slice, all right. By Clopper and Pearson, up to
  # 1 - 0.025^(1/20) of such slices may be wrong.
  share = 1 - 0.025 ** (1 / 20)
  table = make_table([0, 1] * 10, [[0.999, 0.001], [0.001, 0.999]] * 10)
  found = calibration.losses_intervals(table)
  for name, loss, most in (
    ('brier', 2 * 0.001**2, 2 * (0.999**2 - 0.001**2)),
    ('nll', -math.log(0.999), math.log(0.999 / 0.001)),
  ):
    assert found[name].value == pytest.approx(loss)
    assert found[name].low <= loss
    assert loss + share * most <= found[name].high <= 2.5 * share * most


def test_a_brier_score_has_no_bound_above_two(make_table):
  table = make_table([0, 1, 0], [[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
  found = calibration.losses_intervals(table)
  assert found['brier'].value == found['brier'].high == 2
  assert math.isfinite(found['nll'].high)
