# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Similar patients, counted by hand, and the coverage of their interval."""

import numpy as np
import pytest
import scipy.stats

from bit_covid.analysis import similar_patients


def _patients(numbers, predicted, is_right):
  """Patients of three classes, by the probability of the predicted class."""
  numbers, predicted = np.array(numbers, float), np.array(predicted)
  rows = np.arange(len(numbers))
  probabilities = np.repeat((1 - numbers)[:, None] / 2, 3, axis=1)
  probabilities[rows, predicted] = numbers
  label = np.where(is_right, predicted, (predicted + 1) % 3)
  return similar_patients.Patients(label, probabilities, np.full(len(rows), 9))


def _find(patients, number, predicted):
  scan = np.full(3, (1 - number) / 2)
  scan[predicted] = number
  return similar_patients.find(patients, scan)


def test_patients_that_were_predicted_alike_within_ten_points_are_similar():
  patients = _patients(
    [0.79, 0.81, 0.9, 0.99, 0.9, 0.9],
    [2, 2, 2, 2, 1, 0],
    [True, True, False, True, True, True],
  )
  found = _find(patients, 0.9, 2)
  assert (found.count, found.right) == (3, 2)
  assert (found.lowest, found.highest) == (0.81, 0.99)
  assert found.share.value == pytest.approx(2 / 3)
  assert _find(patients, 0.5, 2).count == 0


def test_of_many_patients_the_nearest_forty_count():
  numbers = 0.9 + np.arange(60) * 1e-3
  found = _find(_patients(numbers, [1] * 60, [True] * 60), 0.9, 1)
  assert (found.count, found.lowest) == (40, 0.9)
  assert found.highest == pytest.approx(0.939)
  # Clopper and Pearson's interval.
  assert found.share.low == pytest.approx(scipy.stats.beta.ppf(0.025, 40, 1))
  assert found.share.high == 1


def test_patients_that_are_equally_near_all_count():
  """The order of the file, which is by label, does not choose among them."""
  found = _find(_patients([0.9] * 60, [1] * 60, np.arange(60) < 30), 0.95, 1)
  assert (found.count, found.right) == (60, 30)


def test_the_constants_are_what_their_comments_say():
  for count, low in (
    (similar_patients.NEAREST, 0.91),
    (similar_patients.FEWEST, 0.69),
  ):
    found = scipy.stats.beta.ppf(0.025, count, 1)
    assert found == pytest.approx(low, abs=5e-3)


@pytest.mark.parametrize(
  ('share', 'lowest', 'highest'),
  [
    (lambda number: number, 0.93, 0.98),
    # Too sure: of numbers near 0.9, 0.73 are right. The share changes within
    # the ten points, which costs some coverage.
    (lambda number: number**3, 0.90, 0.97),
  ],
)
def test_the_interval_covers_the_share_at_about_its_level(
  share, lowest, highest
):
  """Patients are drawn whose probability of being right is known."""
  generator = np.random.default_rng(0)
  is_covered = []
  for _ in range(1000):
    numbers = 1 / 3 + 2 / 3 * generator.beta(4, 1.5, 400)
    predicted = generator.integers(0, 3, 400)
    is_right = generator.random(400) < share(numbers)
    scan = 1 / 3 + 2 / 3 * generator.beta(4, 1.5)
    found = _find(_patients(numbers, predicted, is_right), scan, 0)
    if found.count >= similar_patients.FEWEST:
      is_covered.append(found.share.low <= share(scan) <= found.share.high)
  assert len(is_covered) > 900
  assert lowest < np.mean(is_covered) < highest
