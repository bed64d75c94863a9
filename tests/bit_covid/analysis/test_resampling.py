# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Weighted measures against scikit-learn's, and what is resampled."""

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from bit_covid.analysis import metrics
from bit_covid.analysis import predictions
from bit_covid.analysis import resampling


def _table(seed=0, *, count=300, num_patients=20, digits=1):
  generator = np.random.default_rng(seed)
  label = generator.integers(0, 3, count)
  probabilities = generator.dirichlet(np.ones(3), count)
  probabilities[np.arange(count), label] += 0.3
  return predictions.make_table(
    slice_id=np.arange(count),
    patient_id=generator.integers(0, num_patients, count),
    source=np.full(count, ''),
    label=label,
    # Few different values: most are tied with others.
    probabilities=np.round(probabilities / 1.3, digits),
    class_names=('Normal', 'CP', 'NCP'),
  )


@pytest.mark.parametrize('digits', [0, 1, 12])
def test_weighted_measures_equal_those_of_scikit_learn(digits):
  table = _table(digits=digits)
  label, probabilities = metrics.labelled(table)
  patient = table['patient_id'].astype(int).to_numpy()
  sample = resampling.make_sample(table)
  names = np.unique(table['patient_id']).astype(int)
  # With zeros: patients that were not drawn.
  weights = np.random.default_rng(1).integers(0, 4, (20, 8)).astype(float)
  found = sample.measures(weights)
  assert set(found) == set(metrics.OVERALL + metrics.PER_CLASS)
  for b in range(8):
    weight = np.empty(20)
    weight[names] = weights[:, b]
    kwargs = {'sample_weight': weight[patient]}
    for i in range(3):
      one = label == i, probabilities[:, i]
      assert found['roc_auc'][b, i] == pytest.approx(
        sklearn_metrics.roc_auc_score(*one, **kwargs), abs=1e-12
      )
      assert found['average_precision'][b, i] == pytest.approx(
        sklearn_metrics.average_precision_score(*one, **kwargs), abs=1e-12
      )
    pair = label, probabilities.argmax(axis=1)
    overall = {
      'accuracy': sklearn_metrics.accuracy_score,
      'balanced_accuracy': sklearn_metrics.balanced_accuracy_score,
      'mcc': sklearn_metrics.matthews_corrcoef,
      'kappa': sklearn_metrics.cohen_kappa_score,
    }
    for name, score in overall.items():
      assert found[name][b] == pytest.approx(score(*pair, **kwargs))


def test_weights_of_one_give_the_measures_of_the_table():
  table = _table()
  found = resampling.make_sample(table).measures(np.ones((20, 1)))
  for name, value in metrics.measure(table).items():
    np.testing.assert_allclose(found[name][0], value)


def test_resamples_equal_tables_with_patients_repeated():
  table = _table()
  sample = resampling.make_sample(table)
  (resampled,) = resampling.resample([sample], resampling.Resamples(3, 0))
  weights = np.concatenate(
    list(resampling.Resamples(3, 0).weights(sample.stratum, chunk=3)),
    axis=1,
  )
  names = np.unique(table['patient_id'])
  for b in range(3):
    times = dict(zip(names, weights[:, b].astype(int), strict=True))
    repeated = table.loc[table.index.repeat(table['patient_id'].map(times))]
    for name, value in metrics.measure(repeated).items():
      np.testing.assert_allclose(resampled[name][b], value)


def test_stratum_is_the_class_of_most_slices():
  label = np.array([2, 0, 2, 1, 1, 0, 0])
  table = _table(count=7).assign(
    patient_id=['a', 'a', 'a', 'b', 'b', 'b', 'c'], label=label
  )
  sample = resampling.make_sample(table)
  assert sample.slices.tolist() == [[1, 0, 2], [1, 2, 0], [1, 0, 0]]
  assert sample.stratum.tolist() == [2, 1, 0]
  assert sample.num_slices == 7


def test_as_many_are_drawn_from_each_class_as_it_has():
  stratum = np.array([0, 2, 0, 0, 2, 1])
  weights = np.concatenate(
    list(resampling.Resamples(2000, 0).weights(stratum, chunk=300)),
    axis=1,
  )
  assert weights.shape == (6, 2000)
  for i, count in enumerate([3, 1, 2]):
    assert (weights[stratum == i].sum(axis=0) == count).all()
  # Each patient is drawn once on average, and now and then not at all.
  np.testing.assert_allclose(weights.mean(axis=1), 1, atol=0.1)
  assert (weights[0] == 0).mean() == pytest.approx((2 / 3) ** 3, abs=0.04)


def test_chunks_do_not_change_what_is_drawn():
  stratum = np.array([0, 2, 0, 0, 2, 1, 0])
  whole, parts = (
    np.concatenate(
      list(resampling.Resamples(50, 0).weights(stratum, chunk=chunk)),
      axis=1,
    )
    for chunk in (50, 7)
  )
  np.testing.assert_array_equal(whole, parts)


def test_two_samples_see_the_same_resamples():
  sample = resampling.make_sample(_table())
  a, b = resampling.resample([sample, sample], resampling.Resamples(5, 0))
  for name, values in a.items():
    np.testing.assert_array_equal(values, b[name])


def test_class_that_is_absent_or_alone_has_no_curve():
  # So many that all patients have slices of each class.
  table = _table(count=1000)
  ones = np.ones((20, 2))
  found = resampling.make_sample(table[table['label'] != 1]).measures(ones)
  assert np.isnan(found['roc_auc']).tolist() == [[False, True, False]] * 2
  found = resampling.make_sample(table[table['label'] == 1]).measures(ones)
  assert np.isnan(found['average_precision']).all()


def test_weighted_means_equal_those_of_numpy():
  table = _table()
  values = np.random.default_rng(2).normal(size=(300, 2))
  totals = resampling.make_totals(table, dict(zip('xy', values.T, strict=True)))
  names, patient = np.unique(table['patient_id'], return_inverse=True)
  weights = np.random.default_rng(1).integers(0, 4, (len(names), 8))
  found = totals.measures(weights.astype(float))
  for b in range(8):
    expected = np.average(values, axis=0, weights=weights[patient, b])
    np.testing.assert_allclose([found['x'][b], found['y'][b]], expected)
  sample = resampling.make_sample(table)
  np.testing.assert_array_equal(totals.slices, sample.slices)
  np.testing.assert_array_equal(totals.stratum, sample.stratum)


def test_chunks_give_the_same_means(monkeypatch):
  table = _table()
  values = np.random.default_rng(2).normal(size=300)
  totals = resampling.make_totals(table, {'x': values})
  (whole,) = resampling.resample([totals], resampling.Resamples(7, 3))
  monkeypatch.setattr(resampling, '_CHUNK', 40)
  (parts,) = resampling.resample([totals], resampling.Resamples(7, 3))
  np.testing.assert_allclose(whole['x'], parts['x'])
