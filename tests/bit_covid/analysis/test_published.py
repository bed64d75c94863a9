# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Published rows against published matrices and against one another."""

import numpy as np
import pytest

from bit_covid.analysis import metrics
from bit_covid.analysis import published

# Slices of each class in the test split of COVIDx CT-2A.
COUNTS = np.array([12_245, 7395, 6018])


@pytest.mark.parametrize(
  'confusion', published.CONFUSIONS, ids=lambda x: x.model
)
def test_rows_follow_from_the_matrices(confusion):
  row = next(x for x in published.ROWS if x.model == confusion.model)
  counts = np.array(confusion.counts)
  np.testing.assert_array_equal(counts.sum(axis=1), COUNTS)
  assert round(100 * metrics.accuracy(counts), 1) == row.accuracy
  for name, values in metrics.per_class(counts).items():
    # Half up, as the paper rounds: 97.15 % is 97.2 there.
    printed = np.floor(1000 * np.round(values, 6) + 0.5) / 10
    np.testing.assert_allclose(printed, getattr(row, name))


@pytest.mark.parametrize('row', published.ROWS, ids=lambda x: x.model)
def test_accuracy_follows_from_the_sensitivities(row):
  accuracy = np.dot(row.sensitivity, COUNTS) / COUNTS.sum()
  # Each sensitivity is rounded by up to 0.05.
  assert accuracy == pytest.approx(row.accuracy, abs=0.1)


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
  assert COUNTS.sum() == published.SLICES


def test_bit_m_has_the_counts_that_its_row_allows():
  # Normal FN 88-91, FP 21-30; CP FN 28-33, FP 79-82; NCP FN 76-81, FP 89-93.
  missed, false = np.array([89, 30, 78]), np.array([25, 80, 92])
  row = next(x for x in published.ROWS if x.model == 'Bit-M')
  hit = COUNTS - missed
  rest = COUNTS.sum() - COUNTS - false
  for name, value in {
    'sensitivity': hit / COUNTS,
    'ppv': hit / (hit + false),
    'specificity': rest / (rest + false),
    'npv': rest / (rest + missed),
  }.items():
    np.testing.assert_allclose(np.round(100 * value, 1), getattr(row, name))
