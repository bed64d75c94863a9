# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Class means, covariance and limits, against NumPy in float64 and by hand."""

import types

import numpy as np
import pytest

from bit_covid.inference import detector
from bit_covid.training import fit_detector


def _ledoit_wolf(centred):
  """The shrunken covariance after Ledoit and Wolf 2004, of rows `[N, F]`."""
  count, width = centred.shape
  sample = centred.T @ centred / count
  mean = np.trace(sample) / width
  spread = ((sample - mean * np.eye(width)) ** 2).sum()
  noise = sum(((np.outer(x, x) - sample) ** 2).sum() for x in centred)
  shrinkage = min(noise / count**2 / spread, 1.0)
  return (1 - shrinkage) * sample + shrinkage * mean * np.eye(width)


def test_distances_are_mahalanobis_with_the_shrunken_covariance():
  generator = np.random.default_rng(0)
  label = np.repeat([0, 2], [12, 9])
  features = generator.normal(size=(21, 5)) * [1, 2, 3, 4, 5] + label[:, None]
  means, whitening = fit_detector.fit(features.astype(np.float32), label)
  expected = np.stack([features[label == i].mean(axis=0) for i in (0, 2)])
  np.testing.assert_allclose(means, expected, rtol=1e-5)
  centred = features - expected[label // 2]
  np.testing.assert_allclose(
    whitening @ whitening.T,
    np.linalg.inv(_ledoit_wolf(centred)),
    rtol=1e-4,
    atol=1e-6,
  )


def test_there_may_be_fewer_slices_than_features():
  features = np.random.default_rng(0).normal(size=(6, 40))
  means, whitening = fit_detector.fit(features, np.zeros(6, int))
  assert np.isfinite(detector.distances(features, means, whitening)).all()


def test_limits_of_few_patients_are_their_largest_distance():
  # Medians 2, 5 and 9; the slices of each patient weigh 1 together.
  distances = np.array([1.0, 2.0, 30.0, 5.0, 8.0, 9.0, 10.0])
  patient = np.array(['a', 'a', 'a', 'b', 'c', 'c', 'c'])
  slices, scans = fit_detector.limits(distances, patient)
  assert scans == pytest.approx((5.0, 9.0, 13.0))
  assert slices == pytest.approx((5.0, 30.0, 55.0))


def test_one_of_a_hundred_may_be_above_the_limit_of_many_patients():
  distances = np.arange(1.0, 401.0)
  patient = np.array([f'{i}' for i in range(400)])
  slices, scans = fit_detector.limits(distances, patient)
  # The 397th of 400: a new one is above it in 4 of 401 cases.
  assert scans == slices == pytest.approx((200.0, 397.0, 594.0))


def test_slices_are_taken_from_each_patient_in_turn():
  patient = np.array(['a'] * 50 + ['b'] * 3 + ['c'] * 20)
  rows = fit_detector.choose(patient, 13)
  assert (np.diff(rows) > 0).all()
  names, counts = np.unique(patient[rows], return_counts=True)
  assert dict(zip(names, counts, strict=True)) == {'a': 5, 'b': 3, 'c': 5}
  assert len(fit_detector.choose(patient, 100)) == 73
  np.testing.assert_array_equal(rows, fit_detector.choose(patient, 13))


def test_few_patients_of_val_give_no_limits():
  val = types.SimpleNamespace(patient_id=np.array(['a', 'b', 'b']))
  assert fit_detector.problem(val) == 'val has 2 patients, fewer than 20'
  val = types.SimpleNamespace(patient_id=np.arange(20).astype(str))
  assert fit_detector.problem(val) == ''
