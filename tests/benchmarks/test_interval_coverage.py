# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Coverage in some cells of the table in docs/report.md."""

import numpy as np
import pytest

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


@pytest.mark.slow
def test_every_cell_covers():
  for name, draw in CELLS.items():
    drawn = draw(np.random.default_rng(1), 2000)
    found, _ = interval_coverage.coverage(drawn, proportion_interval.interval)
    assert found >= 0.92, name
