# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Intervals of every measure: what they hold, and what is refused."""

import numpy as np
import pytest

from bit_covid.analysis import intervals
from bit_covid.analysis import metrics
from bit_covid.analysis import patient_counts
from bit_covid.analysis import predictions

NAMES = ('Normal', 'CP', 'NCP')
SMALLEST = {'mcc': -1, 'kappa': -1}


@pytest.fixture(scope='module')
def simulated():
  """Makes tables of patients with accuracies and sizes of their own."""

  def make(seed, *, mean=8, count=100, class_names=NAMES):
    generator = np.random.default_rng(seed)
    sizes = generator.poisson(mean, count) + 1
    patient = np.repeat(np.arange(count), sizes)
    number = len(class_names)
    label = patient % number
    rate = generator.beta(3, 1, count)[patient]
    is_right = generator.random(len(label)) < rate
    wrong = (label + generator.integers(1, number, len(label))) % number
    predicted = np.where(is_right, label, wrong)
    # Rounded: ties within and across classes.
    certainty = np.round(generator.uniform(0.52, 1, len(label)), 2)[:, None]
    probabilities = np.repeat((1 - certainty) / (number - 1), number, axis=1)
    np.put_along_axis(probabilities, predicted[:, None], certainty, axis=1)
    return predictions.make_table(
      slice_id=[f's{i:05}' for i in range(len(label))],
      patient_id=[f'p{i:03}' for i in patient],
      source=['x'] * len(label),
      label=label,
      probabilities=probabilities,
      class_names=class_names,
    )

  return make


def test_every_measure_has_an_interval_around_its_value(simulated):
  table = simulated(0)
  result = intervals.intervals(table)
  values = metrics.measure(table)
  assert set(result) == set(metrics.OVERALL + metrics.PER_CLASS)
  for name, interval in result.items():
    np.testing.assert_array_equal(interval.value, values[name])
    shape = () if name in metrics.OVERALL else (3,)
    assert np.shape(interval.low) == np.shape(interval.high) == shape
    assert np.all(interval.low < interval.value)
    assert np.all(interval.value < interval.high)


@pytest.mark.parametrize(('right', 'value'), [(True, 1.0), (False, 0.0)])
def test_all_right_and_all_wrong_have_a_bound(simulated, right, value):
  table = simulated(0)
  label = table['label'].to_numpy(int)
  told = np.eye(3)[label if right else (label + 1) % 3]
  table[[f'p_{name}' for name in NAMES]] = told
  result = intervals.intervals(table)
  for name, interval in result.items():
    smallest = SMALLEST.get(name, 0)
    width = interval.high - interval.low
    assert np.all((width > 0.01) & (width < 0.6)), name
    assert np.all((interval.low >= smallest) & (interval.high <= 1)), name
  for name in ('accuracy', 'sensitivity', 'ppv', 'f1'):
    assert np.all(result[name].value == value), name
    assert np.all(result[name][2 if right else 1] == value), name


def test_one_number_has_one_interval(simulated):
  found = intervals.intervals(simulated(0, class_names=('a', 'b')))
  for one, other in (('sensitivity', 'specificity'), ('ppv', 'npv')):
    for bound, opposite in zip(found[one], found[other], strict=True):
      np.testing.assert_allclose(bound, opposite[::-1], rtol=1e-12)
  for bound in found['roc_auc']:
    assert bound[0] == pytest.approx(bound[1], abs=1e-12)


def test_clusters_make_intervals_wide(simulated):
  table = simulated(1, mean=30)
  alone = table.assign(patient_id=table['slice_id'])
  clustered, sliced = (
    intervals.intervals(x, with_areas=False)['accuracy'] for x in (table, alone)
  )
  share = sliced.value
  half = 1.959964 * np.sqrt(share * (1 - share) / len(table))
  # With each slice a patient of its own, it is the interval over slices.
  assert sliced.high - sliced.low == pytest.approx(2 * half, rel=0.05)
  assert clustered.high - clustered.low > 4 * half


def test_order_of_rows_does_not_matter(simulated):
  table = simulated(0)
  first = intervals.intervals(table)
  again = intervals.intervals(table.sample(frac=1, random_state=0))
  for name, interval in first.items():
    for a, b in zip(interval, again[name], strict=True):
      np.testing.assert_allclose(a, b, rtol=1e-9)


def test_class_that_is_absent(simulated):
  table = simulated(0)
  result = intervals.intervals(table[table['label'] != 1])
  for name in ('sensitivity', 'roc_auc', 'average_precision'):
    assert np.isnan(result[name].low).tolist() == [False, True, False], name
  assert np.isnan(result['balanced_accuracy'].low)
  for name in ('accuracy', 'mcc', 'kappa'):
    assert result[name].low < result[name].value < result[name].high
  assert not np.isnan(result['specificity'].low).any()


def test_patient_of_two_classes_counts_in_both(simulated):
  table = simulated(0, count=30)
  table.loc[table['patient_id'].isin(['p001', 'p002']), 'patient_id'] = 'p001'
  found = patient_counts.make(table)
  assert (found.slices > 0).sum(axis=1).max() == 2
  result = intervals.of_counts(found)
  assert not any(np.isnan(np.stack(x)).any() for x in result.values())


def test_empty_table(simulated):
  for interval in intervals.intervals(simulated(0).iloc[:0]).values():
    assert np.isnan(np.stack(interval)).all()


@pytest.mark.parametrize(
  ('column', 'value', 'message'),
  [
    ('p_CP', np.nan, r'4 of \d+ rows have no label or a probability'),
    ('p_CP', np.inf, r'4 of \d+ rows have probabilities that do not add up'),
    ('p_CP', -0.5, r'4 of \d+ rows have probabilities that do not add up'),
    ('label', None, r'4 of \d+ rows have no label or a probability'),
    ('patient_id', '', r'4 of \d+ slices have no patient_id'),
  ],
)
def test_bad_values_are_refused(simulated, column, value, message):
  table = simulated(0)
  table.loc[table.index[:4], column] = value
  with pytest.raises(ValueError, match=message):
    intervals.intervals(table)


def test_mean_of_errors_has_the_interval_of_the_accuracy(simulated):
  table = simulated(3)
  label, probabilities = predictions.labelled(table)
  is_right = (probabilities.argmax(axis=1) == label).astype(float)
  expected = intervals.intervals(table, with_areas=False)['accuracy']
  for factor in (1, 2):
    found = intervals.mean_interval(table, factor * is_right, largest=factor)
    assert found == pytest.approx([factor * x for x in expected])


def test_mean_without_labels_is_refused(simulated):
  table = simulated(0)
  table.loc[0, 'label'] = None
  with pytest.raises(ValueError, match=r'1 of \d+ slices have no label'):
    intervals.mean_interval(table, np.zeros(len(table)), largest=1)


def _counts(tables):
  return [patient_counts.make(x, with_areas=False) for x in tables]


def _told(table, seed):
  """Returns the table as another run might have told it."""
  generator = np.random.default_rng(seed)
  columns = [f'p_{name}' for name in NAMES]
  rows = generator.random(len(table)) < 0.1
  table = table.copy()
  table.loc[rows, columns] = np.roll(table.loc[rows, columns], 1, axis=1)
  return table


def test_one_run_has_the_interval_of_that_run(simulated):
  table = simulated(0)
  found = intervals.repeated(_counts([table]))
  expected = intervals.intervals(table, with_areas=False)
  assert set(found) == set(expected) == set(metrics.FROM_CONFUSION)
  for name, interval in expected.items():
    np.testing.assert_array_equal(found[name][:3], interval)
    np.testing.assert_array_equal(found[name].smallest, interval.value)
    np.testing.assert_array_equal(found[name].largest, interval.value)


def test_mean_and_extremes_are_those_of_the_runs(simulated):
  tables = [_told(simulated(0), seed) for seed in range(4)]
  found = intervals.repeated(_counts(tables))
  each = [metrics.from_confusion(metrics.confusion_matrix(x)) for x in tables]
  for name in ('accuracy', 'ppv', 'mcc'):
    values = np.stack([x[name] for x in each])
    np.testing.assert_allclose(found[name].value, values.mean(axis=0))
    np.testing.assert_array_equal(found[name].smallest, values.min(axis=0))
    np.testing.assert_array_equal(found[name].largest, values.max(axis=0))
    assert np.all(found[name].low < found[name].value)
    assert np.all(found[name].value < found[name].high)


def test_the_same_run_thrice_tells_nothing_new_of_patients(simulated):
  table = simulated(0)
  once = intervals.repeated(_counts([table]))
  thrice = intervals.repeated(_counts([table] * 3))
  np.testing.assert_allclose(thrice['accuracy'], once['accuracy'], rtol=1e-9)


def test_what_one_run_lacks_has_no_mean(simulated):
  table = simulated(0)
  never = table.copy()
  never[['p_Normal', 'p_CP', 'p_NCP']] = [0.6, 0.0, 0.4]
  found = intervals.repeated(_counts([table, never]))
  for values in found['ppv']:
    assert np.isnan(values).tolist() == [False, True, True]
  assert not np.isnan(found['sensitivity'].value).any()


def test_runs_of_other_patients_are_refused(simulated):
  runs = _counts([simulated(0), simulated(1)])
  with pytest.raises(ValueError, match='2 runs are not of the same patients'):
    intervals.repeated(runs)
  with pytest.raises(ValueError, match='There are 0 runs'):
    intervals.repeated([])
