# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Published rows against published matrices and against one another."""

import numpy as np
import pytest

from bit_covid.analysis import published

# Slices of each class in the test split of COVIDx CT-2A.
COUNTS = np.array([12_245, 7395, 6018])
# Of a number printed in percent with one decimal, as a share.
ROUNDING = 0.0005


def test_counts_are_those_of_the_split():
  assert COUNTS.sum() == published.SLICES


@pytest.mark.parametrize(
  'confusion', published.CONFUSIONS, ids=lambda x: x.model
)
def test_rows_follow_from_the_matrices(confusion):
  row = next(x for x in published.ROWS if x.model == confusion.model)
  counts = np.array(confusion.counts)
  np.testing.assert_array_equal(counts.sum(axis=1), COUNTS)
  hit, called = np.diagonal(counts), counts.sum(axis=0)
  rest = COUNTS.sum() - COUNTS - called + hit
  for name, value in {
    'accuracy': hit.sum() / COUNTS.sum(),
    'sensitivity': hit / COUNTS,
    'ppv': hit / called,
    'specificity': rest / (COUNTS.sum() - COUNTS),
    'npv': rest / (COUNTS.sum() - called),
  }.items():
    printed = np.array(getattr(row, name)) / 100
    # A little more: 97.15 % is printed as 97.2.
    np.testing.assert_allclose(value, printed, rtol=0, atol=ROUNDING + 1e-6)


@pytest.mark.parametrize('row', published.ROWS, ids=lambda x: x.model)
def test_accuracy_follows_from_the_sensitivities(row):
  accuracy = np.dot(row.sensitivity, COUNTS) / COUNTS.sum()
  # Each sensitivity is rounded by up to 0.05.
  assert accuracy == pytest.approx(row.accuracy, abs=0.1)


@pytest.mark.parametrize('row', published.ROWS, ids=lambda x: x.model)
def test_predictive_values_follow_from_sensitivity_and_specificity(row):
  """Each printed PPV and NPV is one that the other printed numbers allow."""
  others = COUNTS.sum() - COUNTS
  sensitivity, specificity, ppv, npv = (
    np.array(getattr(row, name)) / 100
    for name in ('sensitivity', 'specificity', 'ppv', 'npv')
  )

  def predictive_values(sign):
    hit = (sensitivity + sign * ROUNDING) * COUNTS
    rest = (specificity + sign * ROUNDING) * others
    return hit / (hit + others - rest), rest / (rest + COUNTS - hit)

  # Both grow with sensitivity and with specificity.
  for printed, low, high in zip(
    (ppv, npv), predictive_values(-1), predictive_values(1), strict=True
  ):
    assert np.all(low - ROUNDING <= printed), low
    assert np.all(printed <= high + ROUNDING), high


@pytest.mark.parametrize('row', published.ROWS, ids=lambda x: x.model)
def test_a_slice_that_one_class_misses_is_a_false_alarm_of_another(row):
  missed = (1 - np.array(row.sensitivity) / 100) @ COUNTS
  false_alarms = (1 - np.array(row.specificity) / 100) @ (COUNTS.sum() - COUNTS)
  # The most that rounding each of the six numbers can do.
  most = ROUNDING * 3 * COUNTS.sum()
  assert missed == pytest.approx(false_alarms, abs=most)


def test_all_rows_of_the_paper_are_there():
  assert [(x.model, x.accuracy) for x in published.ROWS] == [
    ('COVID-Net CT-1', 94.5),
    ('COVID-Net CT-2 L', 98.1),
    ('COVID-Net CT-2 S', 97.9),
    ('Random', 97.9),
    ('Bit-S', 98.8),
    ('Bit-M', 99.2),
  ]
  assert [(x.model, x.val, x.test) for x in published.INITIALISATIONS] == [
    ('Random', 96.5, 97.7),
    ('Bit-S', 97.4, 98.8),
    ('Bit-M', 97.9, 99.3),
    ('Bit-M-C', 97.7, 99.2),
    ('Bit-M-S', 97.6, 98.9),
  ]
