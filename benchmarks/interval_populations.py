# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The populations of the tables of `interval_coverage`."""

from collections.abc import Callable
import functools

from benchmarks import interval_simulations as simulations

# Patients of each class, accuracies and correlation.
POPULATIONS = (
  ((7, 7, 6), (0.9,) * 3, 0.2),
  ((7, 7, 6), (0.99,) * 3, 0.2),
  ((20, 20, 20), (0.9,) * 3, 0.2),
  ((20, 20, 20), (0.99,) * 3, 0.5),
  ((5, 30, 30), (0.95, 0.9, 0.97), 0.2),
  ((126, 125, 175), (0.993, 0.996, 0.987), 0.2),
  ((30, 60), (0.97, 0.95), 0.2),
)
# Patients of the class and of the other one.
PATIENTS = ((10, 40), (30, 30), (30, 300), (100, 100))
# 1.81 and so on: areas of .9, .98, .998 and .9998.
SCORES = (
  simulations.Scores(1.812, 0.5),
  simulations.Scores(2.904, 0.5),
  simulations.Scores(4.070, 0.5),
  simulations.Scores(5.006, 0.3),
  simulations.Scores(6.0, 0.3, hard=0.03),
  simulations.Scores(6.0, 0.3, hard=0.004),
)
# Scores and how confident the probabilities are; 1: as they should be.
LOSSES = (
  (SCORES[0], 1),
  (SCORES[0], 3),
  (SCORES[1], 1),
  (SCORES[1], 3),
  (SCORES[2], 1),
  (SCORES[4], 1),
)


def cells() -> dict[str, Callable[..., simulations.Draw]]:
  """Returns a function from generator and number to splits, by name."""
  partial = functools.partial
  found = {}
  for count in (20, 60, 400):
    for accuracy, icc in ((0.9, 0.2), (0.99, 0.2), (0.99, 0.5)):
      name = f'{count} patients, {accuracy}, ICC {icc}'
      found[name] = _alike(count, accuracy, icc)
  for count in (60, 400):
    found[f'{count} patients, 0.99, ICC 0.9'] = _alike(count, 0.99, 0.9)
  for count in (20, 60):
    name = f'{count} patients, 0.99, one slice each'
    found[name] = _alike(count, 0.99, 0, slices=1)
  for accuracy in ((0.98, 0.97, 0.96), (0.993, 0.996, 0.987)):
    found[f'COVIDx-like, {" / ".join(map(str, accuracy))}'] = partial(
      simulations.covidx_like, accuracy=accuracy
    )
  for count in (60, 400):
    for verb, slope in (('rises', 0.06), ('falls', -0.06)):
      found[f'{count} patients, accuracy {verb} with scan size'] = partial(
        simulations.accuracy_by_size, count=count, slope=slope
      )
    found[f'{count} patients, 2 % of them hard'] = partial(
      simulations.rare_hard, count=count
    )
  for count in (2, 3, 5, 10):
    name = f'one class of {count} patients, 0.9'
    found[name] = _alike(count, 0.9, 0.2, classes=1)
  for accuracy in (0.97, 0.99, 0.997):
    name = f'90 patients of 6 slices, {accuracy}'
    found[name] = _alike(90, accuracy, 0.2, slices=6)
  return found


def _alike(
  count: int, accuracy: float, correlation: float, **others: int
) -> Callable[..., simulations.Draw]:
  return functools.partial(
    simulations.patients,
    count=count,
    accuracy=accuracy,
    correlation=correlation,
    **others,
  )
