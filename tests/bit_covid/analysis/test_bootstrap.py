# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Intervals: what they hold, where there are none, what is refused."""

import numpy as np
import pytest
from scipy import stats

from bit_covid.analysis import bootstrap
from bit_covid.analysis import metrics
from bit_covid.analysis import predictions
from bit_covid.analysis import resampling

FEW = bootstrap.Resamples(50)
MANY = bootstrap.Resamples(300)

NAMES = ('Normal', 'CP', 'NCP')


def _table(patient, label, probabilities):
  return predictions.make_table(
    slice_id=[f's{i:05}' for i in range(len(label))],
    patient_id=[f'p{i:03}' for i in patient],
    source=['x'] * len(label),
    label=np.asarray(label),
    probabilities=np.asarray(probabilities, np.float64),
    class_names=NAMES,
  )


def _simulated(generator, *, mean=8):
  """Returns a table of 100 patients with accuracies and sizes of their own."""
  of_patient = np.repeat(np.arange(3), (40, 30, 30))
  sizes = generator.poisson(mean, 100) + 1
  rates = generator.beta(3, 1, 100)
  patient = np.repeat(np.arange(100), sizes)
  label = of_patient[patient]
  is_right = generator.random(len(label)) < rates[patient]
  wrong = (label + generator.integers(1, 3, len(label))) % 3
  predicted = np.where(is_right, label, wrong)
  # Rounded: ties within and across classes.
  certainty = np.round(generator.uniform(0.4, 1, len(label)), 2)
  probabilities = np.repeat((1 - certainty)[:, np.newaxis] / 2, 3, axis=1)
  probabilities[np.arange(len(label)), predicted] = certainty
  return _table(patient, label, probabilities)


def _naive(accuracy, count):
  half = 1.959964 * np.sqrt(accuracy * (1 - accuracy) / count)
  return accuracy - half, accuracy + half


def test_every_measure_has_an_interval_around_its_value():
  table = _simulated(np.random.default_rng(0))
  result = bootstrap.intervals(table, resamples=MANY)
  values = metrics.measure(table)
  assert list(result) == list(metrics.OVERALL + metrics.PER_CLASS)
  for name, interval in result.items():
    np.testing.assert_array_equal(interval.value, values[name])
    shape = () if name in metrics.OVERALL else (3,)
    assert np.shape(interval.low) == np.shape(interval.high) == shape
    assert np.all(interval.low < interval.value)
    assert np.all(interval.value < interval.high)


def test_counts_alone():
  table = _simulated(np.random.default_rng(0))
  result = bootstrap.intervals(table, resamples=FEW, with_areas=False)
  every = bootstrap.intervals(table, resamples=FEW)
  assert set(every) - set(result) == {'roc_auc', 'average_precision'}
  assert result['accuracy'] == every['accuracy']


def test_clusters_make_intervals_wide():
  table = _simulated(np.random.default_rng(1), mean=30)
  alone = table.assign(patient_id=table['slice_id'])
  clustered = bootstrap.intervals(table, resamples=MANY)['accuracy']
  sliced = bootstrap.intervals(alone, resamples=MANY)['accuracy']
  low, high = _naive(sliced.value, len(table))
  # With each slice a patient of its own, it is the interval over slices.
  assert sliced.high - sliced.low == pytest.approx(high - low, rel=0.15)
  assert clustered.high - clustered.low > 2 * (high - low)


def test_seed_decides_and_the_order_of_rows_does_not():
  table = _simulated(np.random.default_rng(0))
  shuffled = table.sample(frac=1, random_state=0)
  first = bootstrap.intervals(table, resamples=FEW)
  again = bootstrap.intervals(shuffled, resamples=FEW)
  other = bootstrap.intervals(table, resamples=bootstrap.Resamples(50, 1))
  for name, interval in first.items():
    for a, b in zip(interval, again[name], strict=True):
      np.testing.assert_allclose(a, b, rtol=1e-12)
  assert first['accuracy'] != other['accuracy']


def test_percentiles_lie_further_out_for_few_patients():
  resampled = np.linspace(0, 1, 100_001)
  many = bootstrap._percentiles(resampled, 0.5, 1e9)
  few = bootstrap._percentiles(resampled, 0.5, 10.0)
  assert many == pytest.approx((0.025, 0.975), abs=1e-4)
  # Phi(-2.2622 * sqrt(10 / 9)), t of 9 degrees of freedom from a table.
  assert few == pytest.approx((0.00855, 0.99145), abs=1e-4)


def _bounds_of_uneven_patients(resampled, measure):
  """Returns bounds; a class has 1, 2 and 3 slices a patient, one 1 and 4."""
  sizes = np.array([1, 2, 3, 1, 4])
  patient = np.repeat(np.arange(5), sizes)
  label = (patient > 2).astype(int)
  table = _table(patient, label, np.eye(3)[label])
  sample = resampling.make_sample(table.drop(columns='p_NCP'))
  is_by_class = measure == 'sensitivity'
  _, low, high = bootstrap._interval(
    np.full(2, 0.5) if is_by_class else 0.5,
    np.stack([resampled] * 2, axis=1) if is_by_class else resampled,
    sample.effective_patients(measure),
  )
  return low, high


def _hesterberg(num_patients):
  """Returns the lower percentile by its formula, with scipy.stats."""
  t = stats.t.ppf(0.975, num_patients - 1)
  return stats.norm.cdf(-t * np.sqrt(num_patients / (num_patients - 1)))


def test_effective_patients_are_those_of_kish():
  resampled = np.linspace(0, 1, 100_001)
  low, high = _bounds_of_uneven_patients(resampled, 'accuracy')
  # (1 + 2 + 3 + 1 + 4)^2 by the sum of squares.
  assert low == pytest.approx(_hesterberg(11**2 / 31), abs=1e-4)
  assert high == pytest.approx(1 - low, abs=1e-9)
  low, _ = _bounds_of_uneven_patients(resampled, 'sensitivity')
  assert low == pytest.approx(
    [_hesterberg(6**2 / 14), _hesterberg(5**2 / 17)], abs=1e-4
  )


@pytest.mark.parametrize(('undefined', 'has_bounds'), [(4, True), (6, False)])
def test_measure_that_is_often_undefined_has_no_bounds(undefined, has_bounds):
  resampled = np.linspace(0, 1, 100)
  resampled[:undefined] = np.nan
  low, high = _bounds_of_uneven_patients(resampled, 'accuracy')
  assert np.isfinite([low, high]).tolist() == [has_bounds] * 2


def test_class_that_is_absent():
  table = _simulated(np.random.default_rng(0))
  result = bootstrap.intervals(table[table['label'] != 1], resamples=FEW)
  assert np.isnan(result['sensitivity'].low).tolist() == [False, True, False]
  assert np.isnan(result['roc_auc'].high).tolist() == [False, True, False]
  assert np.isnan(result['balanced_accuracy'].low)
  assert result['accuracy'].low < result['accuracy'].value
  assert not np.isnan(result['specificity'].low).any()


def test_one_patient_has_values_and_no_interval():
  table = _simulated(np.random.default_rng(0)).assign(patient_id='p')
  for name, interval in bootstrap.intervals(table, resamples=FEW).items():
    assert not np.isnan(interval.value).any(), name
    assert np.isnan(interval.low).all(), name
    assert np.isnan(interval.high).all(), name


def test_class_of_one_patient_leaves_the_others_their_sensitivity():
  table = _simulated(np.random.default_rng(0))
  table.loc[table['label'] == 2, 'patient_id'] = 'p'
  result = bootstrap.intervals(table, resamples=FEW)
  assert np.isnan(result['sensitivity'].low).tolist() == [False, False, True]
  for name in set(result) - {'sensitivity'}:
    assert np.isnan(result[name].low).all(), name


def test_perfect_run_has_no_interval_of_no_width():
  label = np.repeat([0, 1, 2], 10)
  result = bootstrap.intervals(
    _table(np.arange(30) // 2, label, np.eye(3)[label]),
    resamples=FEW,
  )
  assert result['accuracy'].value == 1
  assert np.isnan(result['accuracy'].low)


def test_empty_table():
  table = _simulated(np.random.default_rng(0)).iloc[:0]
  for interval in bootstrap.intervals(table, resamples=FEW).values():
    assert np.isnan(np.stack(interval)).all()


@pytest.mark.parametrize(
  ('column', 'value', 'message'),
  [
    ('p_CP', np.nan, r'4 of \d+ rows have no label or a probability'),
    ('label', None, r'4 of \d+ rows have no label or a probability'),
    ('patient_id', '', r'4 of \d+ slices have no patient_id'),
  ],
)
def test_missing_values_are_refused(column, value, message):
  table = _simulated(np.random.default_rng(0))
  table.loc[table.index[:4], column] = value
  with pytest.raises(ValueError, match=message):
    bootstrap.intervals(table, resamples=FEW)


def test_no_resamples_are_refused():
  table = _simulated(np.random.default_rng(0))
  with pytest.raises(ValueError, match=r'^0 resamples; expected at least 1'):
    bootstrap.intervals(table, resamples=bootstrap.Resamples(0))


def _pair():
  """Returns two runs over the same slices, the second a little better."""
  table_a = _simulated(np.random.default_rng(0), mean=20)
  probabilities = predictions.probabilities(table_a)
  label = table_a['label'].to_numpy(int)
  better = np.random.default_rng(1).random(len(label)) < 0.1
  probabilities[better] = np.eye(3)[label[better]]
  columns = [f'p_{name}' for name in NAMES]
  table_b = table_a.copy()
  table_b[columns] = probabilities
  return table_a, table_b


def test_difference_is_paired():
  table_a, table_b = _pair()
  shuffled = table_b.sample(frac=1, random_state=0)
  result = bootstrap.difference(table_a, shuffled, resamples=MANY)
  a = bootstrap.intervals(table_a, resamples=MANY)
  b = bootstrap.intervals(table_b, resamples=MANY)
  assert list(result) == list(a)
  for name, found in result.items():
    np.testing.assert_allclose(found.value, b[name].value - a[name].value)
  accuracy = result['accuracy']
  # The intervals of the two overlap, and yet the difference is certain.
  assert a['accuracy'].high > b['accuracy'].low
  assert 0 < accuracy.low < accuracy.value < accuracy.high
  # 1.43 half-widths: (1.9600 + 0.8416) / 1.9600, from a table.
  assert accuracy.smallest_detectable == pytest.approx(
    2.8016 / 1.96 * (accuracy.high - accuracy.low) / 2, rel=1e-4
  )


def test_difference_changes_its_sign_with_the_order():
  table_a, table_b = _pair()
  there = bootstrap.difference(table_a, table_b, resamples=FEW)
  back = bootstrap.difference(table_b, table_a, resamples=FEW)
  for name in there:
    np.testing.assert_allclose(there[name].value, -back[name].value)
    np.testing.assert_allclose(there[name].low, -back[name].high, atol=1e-12)


def test_run_and_itself():
  table, _ = _pair()
  result = bootstrap.difference(table, table, resamples=FEW)
  assert result['accuracy'].value == 0
  assert np.isnan(result['accuracy'].smallest_detectable)


def test_other_slices_are_refused():
  table_a, table_b = _pair()
  count = len(table_a)
  with pytest.raises(ValueError, match='different slices') as error:
    bootstrap.difference(table_a.iloc[7:], table_b.iloc[:-2])
  message = str(error.value)
  assert f'2 of {count - 7} are only in A (s' in message
  assert f'7 of {count - 2} only in B (s00000, s00001, s00002' in message
  assert 's00004, ...)' in message


@pytest.mark.parametrize('column', ['label', 'patient_id'])
@pytest.mark.parametrize('side', [0, 1])
def test_other_labels_or_patients_are_refused(column, side):
  tables = _pair()
  table = tables[side]
  if column == 'label':
    table.loc[3, 'label'] = 2
    table.loc[4, 'label'] = None
  else:
    table.loc[3:4, 'patient_id'] = 'other'
  with pytest.raises(
    ValueError, match=rf'2 of \d+ slices have another {column}.*s00003, s00004'
  ):
    bootstrap.difference(*tables)


def test_other_classes_and_double_slices_are_refused():
  table_a, table_b = _pair()
  with pytest.raises(ValueError, match=r'The columns differ.*p_COVID'):
    bootstrap.difference(table_a, table_b.rename(columns={'p_NCP': 'p_COVID'}))
  table_b.loc[1, 'slice_id'] = 's00000'
  with pytest.raises(ValueError, match=r'1 slices of B .* once \(s00000\)'):
    bootstrap.difference(table_a, table_b)


def test_mean_of_errors_has_the_interval_of_the_accuracy():
  table = _simulated(np.random.default_rng(3))
  label, probabilities = metrics.labelled(table)
  is_right = (probabilities.argmax(axis=1) == label).astype(float)
  found = bootstrap.mean_intervals(
    table,
    {'right': is_right, 'twice': 2 * is_right},
    resamples=bootstrap.Resamples(300, 5),
  )
  expected = bootstrap.intervals(
    table, resamples=bootstrap.Resamples(300, 5), with_areas=False
  )['accuracy']
  assert found['right'] == pytest.approx(expected)
  assert found['twice'] == pytest.approx([2 * x for x in expected])


def test_mean_of_one_patient_a_class_has_no_interval():
  table = _table([0, 0, 1, 1], [0, 0, 1, 1], np.eye(3)[[0, 0, 1, 1]])
  values = np.array([1.0, 2, 3, 6])
  found = bootstrap.mean_intervals(table, {'x': values})['x']
  assert found.value == 3
  assert np.isnan([found.low, found.high]).all()


def test_mean_without_labels_is_refused():
  table = _table([0, 1], [0, -1], np.eye(3)[[0, 1]])
  with pytest.raises(ValueError, match='1 of 2 slices have no label'):
    bootstrap.mean_intervals(table, {'x': np.zeros(2)})
