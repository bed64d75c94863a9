# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Coverage in some cells of the table in docs/report.md."""

import numpy as np
import pytest
import scipy.special
from sklearn import metrics as sklearn_metrics

from benchmarks import interval_coverage
from benchmarks import interval_populations
from benchmarks import interval_simulations
from bit_covid.analysis import proportion_interval

CELLS = interval_populations.cells()


@pytest.mark.parametrize(
  'name',
  [
    '20 patients, 0.99, ICC 0.5',
    '60 patients, 0.9, ICC 0.2',
    '60 patients, 0.99, one slice each',
    '60 patients, accuracy falls with scan size',
    'COVIDx-like, 0.993 / 0.996 / 0.987',
    'one class of 5 patients, 0.9',
  ],
)
def test_intervals_of_shares_cover(name):
  draw = CELLS[name](np.random.default_rng(7), 1000)
  found, width = interval_coverage.coverage(draw, proportion_interval.interval)
  # Two standard errors below 93 %.
  assert found >= 0.914
  assert width < 0.6


def test_the_bootstrap_of_before_did_not():
  draw = CELLS['60 patients, 0.99, ICC 0.2'](np.random.default_rng(7), 300)
  found, _ = interval_coverage.coverage(draw, interval_coverage.bootstrap)
  assert found < 0.85


def test_intervals_of_other_measures_cover():
  found = interval_coverage.of_measures(
    np.random.default_rng(0),
    100,
    counts=(7, 7, 6),
    accuracy=(0.9, 0.95, 0.99),
    correlation=0.2,
  )
  assert set(found) >= {'balanced_accuracy', 'mcc', 'kappa', 'ppv', 'f1'}
  # With 100 simulations, 88 of them are 93 % less two standard errors.
  assert {name: x for name, x in found.items() if x[0] < 0.88} == {}


@pytest.mark.parametrize('hard', [0, 0.03])
def test_intervals_of_areas_cover(hard):
  population = interval_simulations.Scores(3.5, 0.5, hard=hard)
  found = interval_coverage.of_areas(
    np.random.default_rng(0), 12, population, (12, 20)
  )
  assert all(covered >= 10 / 12 for covered, _ in found.values())


@pytest.mark.parametrize('confidence', [1, 3])
def test_the_true_losses_are_the_means_of_many_slices(confidence):
  population = interval_simulations.Scores(1.812, 0.5, hard=0.1)
  generator = np.random.default_rng(0)
  levels = np.where(generator.random(400_000) < 0.1, 0, 1.812)
  score = np.concatenate([levels, np.zeros(400_000)])
  score += generator.normal(size=800_000)
  logit = confidence * 1.812 * (score - 0.906)
  label = np.arange(800_000) < 400_000
  probability = scipy.special.expit(logit)
  found = population.losses(0.5, confidence)
  expected = 2 * sklearn_metrics.brier_score_loss(label, probability)
  assert found['brier'] == pytest.approx(expected, rel=0.01)
  expected = sklearn_metrics.log_loss(label, probability)
  assert found['nll'] == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize(('shift', 'hard'), [(2.904, 0), (6.0, 0.03)])
def test_intervals_of_losses_cover(shift, hard):
  population = interval_simulations.Scores(shift, 0.4, hard=hard)
  found = interval_coverage.of_losses(
    np.random.default_rng(0), 30, population, (10, 40), confidence=1
  )
  # Before the cost of errors that were not seen, NLL had 20 % in the last one.
  assert all(covered >= 0.85 for covered, _ in found.values())


@pytest.mark.slow
def test_every_cell_covers():
  for name, draw in CELLS.items():
    drawn = draw(np.random.default_rng(1), 2000)
    found, _ = interval_coverage.coverage(drawn, proportion_interval.interval)
    assert found >= 0.92, name
