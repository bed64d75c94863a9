# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Means over runs: what they equal, and what their intervals are about."""

import numpy as np
import pytest

from bit_covid.analysis import bootstrap
from bit_covid.analysis import metrics
from bit_covid.analysis import predictions
from bit_covid.analysis import resampling

FEW = bootstrap.Resamples(50)
MANY = bootstrap.Resamples(300)

NAMES = ('Normal', 'CP', 'NCP')


def _table(seed, *, share=0.8):
  """Forty patients with eight slices each, the same for all seeds."""
  generator = np.random.default_rng(seed)
  patient = np.repeat(np.arange(40), 8)
  label = patient % 3
  rate = generator.beta(8 * share, 8 * (1 - share), 40)[patient]
  is_right = generator.random(len(label)) < rate
  predicted = np.where(is_right, label, (label + 1) % 3)
  return predictions.make_table(
    slice_id=[f's{i:03}' for i in range(len(label))],
    patient_id=[f'p{i:02}' for i in patient],
    source=[''] * len(label),
    label=label,
    probabilities=0.9 * np.eye(3)[predicted] + 0.1 / 3,
    class_names=NAMES,
  )


def _samples(tables):
  return [resampling.make_sample(x, with_areas=False) for x in tables]


def test_one_run_has_the_interval_of_that_run():
  table = _table(0)
  found = bootstrap.repeated(_samples([table]), resamples=MANY)
  expected = bootstrap.intervals(table, resamples=MANY, with_areas=False)
  assert set(found) == set(expected) == set(metrics.FROM_CONFUSION)
  for name, interval in expected.items():
    np.testing.assert_array_equal(found[name][:3], interval)
    np.testing.assert_array_equal(found[name].smallest, interval.value)
    np.testing.assert_array_equal(found[name].largest, interval.value)


def test_mean_and_extremes_are_those_of_the_runs():
  tables = [_table(seed) for seed in range(4)]
  found = bootstrap.repeated(_samples(tables), resamples=FEW)
  each = [metrics.from_confusion(metrics.confusion_matrix(x)) for x in tables]
  for name in ('accuracy', 'ppv'):
    values = np.stack([x[name] for x in each])
    np.testing.assert_allclose(found[name].value, values.mean(axis=0))
    np.testing.assert_array_equal(found[name].smallest, values.min(axis=0))
    np.testing.assert_array_equal(found[name].largest, values.max(axis=0))


def test_the_same_patients_are_drawn_for_all_runs():
  table = _table(0)
  once = bootstrap.repeated(_samples([table]), resamples=MANY)
  # Three times the same run tell nothing new of patients.
  thrice = bootstrap.repeated(_samples([table] * 3), resamples=MANY)
  np.testing.assert_allclose(thrice['accuracy'], once['accuracy'], rtol=1e-12)


def test_interval_of_a_mean_is_that_of_the_mean_over_slices():
  tables = [_table(seed) for seed in range(3)]
  found = bootstrap.repeated(_samples(tables), resamples=MANY)['accuracy']
  label = tables[0]['label'].to_numpy(int)
  right = [predictions.probabilities(x).argmax(axis=1) == label for x in tables]
  # By hand: patients of each class drawn with replacement, eight slices each.
  by_patient = np.mean(right, axis=0).reshape(40, 8).mean(axis=1)
  generator = np.random.default_rng(5)
  drawn = np.concatenate(
    [
      generator.choice(by_patient[i::3], (20_000, len(by_patient[i::3])))
      for i in range(3)
    ],
    axis=1,
  ).mean(axis=1)
  assert found.low == pytest.approx(np.quantile(drawn, 0.02), abs=0.01)
  assert found.high == pytest.approx(np.quantile(drawn, 0.98), abs=0.01)


def test_difference_of_one_run_each_is_that_of_the_two_tables():
  a, b = _table(0), _table(1, share=0.9)
  found = bootstrap.differences(_samples([a]), _samples([b]), resamples=MANY)
  expected = bootstrap.difference(a, b, resamples=MANY)
  for name in metrics.FROM_CONFUSION:
    np.testing.assert_array_equal(found[name], expected[name])


def test_difference_of_groups_is_that_of_their_means():
  a = _samples([_table(seed) for seed in range(2)])
  b = _samples([_table(seed, share=0.95) for seed in (2, 3, 4)])
  found = bootstrap.differences(a, b, resamples=FEW)['accuracy']
  means = [bootstrap.repeated(x)['accuracy'].value for x in (a, b)]
  assert found.value == pytest.approx(means[1] - means[0], abs=1e-12)
  assert 0 < found.low < found.value < found.high


def test_what_one_run_lacks_has_no_mean():
  table = _table(0)
  never = table.assign(p_CP=0.0)
  found = bootstrap.repeated(_samples([table, never]), resamples=FEW)
  for values in found['ppv']:
    assert np.isnan(values).tolist() == [False, True, False]
  assert not np.isnan(found['sensitivity'].value).any()


def test_other_patients_are_refused():
  a, other = _samples([_table(0), _table(1).iloc[1:]])
  with pytest.raises(ValueError, match='2 runs are not of the same patients'):
    bootstrap.repeated([a, other])
  with pytest.raises(ValueError, match='There are 0 runs'):
    bootstrap.differences([other], [])
