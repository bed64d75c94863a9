# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The interval of a share against closed forms, and what it must not do."""

import numpy as np
import pytest
from scipy import stats

from bit_covid.analysis import proportion_interval


def _interval(hits, slices, stratum=None):
  stratum = np.zeros(len(hits), int) if stratum is None else stratum
  return proportion_interval.interval(np.array(hits), np.array(slices), stratum)


def test_one_slice_each_is_nearly_the_interval_of_jeffreys():
  # 400 patients of one slice: the t of 399 degrees of freedom is near 1.96.
  found = _interval([1.0] * 370 + [0.0] * 30, [1] * 400)
  low, high = stats.beta(370.5, 30.5).ppf([0.025, 0.975])
  assert found.value == 0.925
  assert found.low == pytest.approx(low, abs=5e-4)
  assert found.high == pytest.approx(high, abs=5e-4)


def test_without_errors_there_is_the_bound_of_clopper_and_pearson():
  # 90 patients of 6 slices; the correlation is taken to be 1/2, so they tell as
  # much as 540 / (1 + 5 / 2) slices.
  found = _interval([6] * 90, [6] * 90, np.arange(90) % 3)
  low = stats.beta(540 / 3.5, 1).ppf(0.025)
  assert (found.value, found.high) == (1, 1)
  assert found.low == pytest.approx(low)
  assert found.low == pytest.approx(0.9764, abs=1e-4)


def test_errors_and_hits_mirror_each_other():
  hits, slices = [5, 3, 9, 10, 2], [5, 8, 9, 10, 7]
  found = _interval(hits, slices)
  other = _interval(np.subtract(slices, hits), slices)
  assert other.low == pytest.approx(1 - found.high)
  assert other.high == pytest.approx(1 - found.low)


@pytest.mark.parametrize('hits', [0, 3, 4])
def test_one_patient_leaves_nearly_all_open(hits):
  found = _interval([hits], [4])
  assert found.high - found.low > 0.9
  assert found.low <= found.value <= found.high


def test_slices_of_one_patient_each_of_many_classes_are_no_error():
  found = _interval([4, 4, 2], [4, 4, 4], np.arange(3))
  assert 0 < found.low < 0.5
  assert found.high > 0.9


def test_equal_slices_of_a_patient_count_once():
  rates = np.random.default_rng(0).random(40) < 0.7
  once = _interval(rates.astype(float), [1] * 40)
  often = _interval(9 * rates.astype(float), [9] * 40)
  assert often == pytest.approx(once, rel=0.02)


def test_splits_at_once_are_those_one_by_one():
  generator = np.random.default_rng(1)
  slices = generator.integers(1, 30, (7, 12)).astype(float)
  hits = generator.binomial(slices.astype(int), 0.8).astype(float)
  stratum = np.arange(12) % 3
  together = proportion_interval.interval(hits, slices, stratum)
  for i in range(7):
    alone = proportion_interval.interval(hits[i], slices[i], stratum)
    np.testing.assert_allclose([x[i] for x in together], alone, rtol=1e-9)


def test_without_slices_nothing_is_known():
  assert np.isnan(np.stack(_interval([], []))).all()


def test_uneven_scans_count_by_the_variance_between_patients():
  # Small scans with one error in half of them, two large ones with ten each.
  slices = np.array([5.0] * 40 + [50.0] * 4)
  hits = np.array([5.0] * 20 + [4.0] * 20 + [40.0] * 2 + [50.0] * 2)
  found = _interval(hits, slices)
  share = hits.sum() / 400
  errors = hits - share * slices
  variance = 44 / 43 * ((errors - errors.mean()) ** 2).sum() / 400**2
  shrink = (stats.norm.ppf(0.975) / stats.t(43).ppf(0.975)) ** 2
  # By the correlation of slices, nearly twice as many would count.
  count = share * (1 - share) / variance * shrink
  beta = stats.beta(share * count + 0.5, (1 - share) * count + 0.5)
  assert found.low == pytest.approx(beta.ppf(0.025))
  assert found.high == pytest.approx(beta.ppf(0.975))
