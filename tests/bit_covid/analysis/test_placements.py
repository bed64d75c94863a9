# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Placements against scikit-learn's area."""

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from bit_covid.analysis import placements


@pytest.mark.parametrize('digits', [0, 1, 12])
def test_means_of_placements_are_the_area(digits):
  generator = np.random.default_rng(0)
  is_class = generator.random(300) < 0.3
  # Few different values: most are tied with others.
  score = np.round(generator.random(300) + 0.3 * is_class, digits)
  patient = generator.integers(0, 20, 300)
  found = placements.sums(is_class, score, patient)
  expected = sklearn_metrics.roc_auc_score(is_class, score)
  assert found.shape == (20, 2)
  assert found[:, 0].sum() / is_class.sum() == pytest.approx(expected)
  assert found[:, 1].sum() / (~is_class).sum() == pytest.approx(expected)


def test_nothing_to_compare_with():
  found = placements.sums(np.ones(4, bool), np.arange(4.0), np.zeros(4, int))
  np.testing.assert_array_equal(found, [[0, 0]])
