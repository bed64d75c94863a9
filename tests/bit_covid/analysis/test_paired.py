# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Differences of two runs on the same slices."""

import itertools

import numpy as np
import pytest

from bit_covid.analysis import intervals
from bit_covid.analysis import paired
from bit_covid.analysis import patient_counts
from bit_covid.analysis import predictions

NAMES = ('Normal', 'CP', 'NCP')


def _pair(count=60):
  """Returns two runs over the same slices, the second a little better."""
  generator = np.random.default_rng(0)
  patient = np.repeat(np.arange(count), 12)
  label = patient % 3
  is_right = generator.random(len(label)) < generator.beta(3, 1, count)[patient]
  is_better = is_right | (generator.random(len(label)) < 0.1)
  tables = []
  for each in (is_right, is_better):
    told = np.where(each, label, (label + 1) % 3)
    tables.append(
      predictions.make_table(
        slice_id=[f's{i:05}' for i in range(len(label))],
        patient_id=[f'p{i:03}' for i in patient],
        source=['x'] * len(label),
        label=label,
        probabilities=0.7 * np.eye(3)[told] + 0.1,
        class_names=NAMES,
      )
    )
  return tables


def test_difference_is_paired():
  table_a, table_b = _pair()
  shuffled = table_b.sample(frac=1, random_state=0)
  result = paired.difference(table_a, shuffled)
  a, b = intervals.intervals(table_a), intervals.intervals(table_b)
  assert list(result) == list(a)
  for name, found in result.items():
    np.testing.assert_allclose(found.value, b[name].value - a[name].value)
    assert np.all(found.low < found.value)
    assert np.all(found.value < found.high)
  accuracy = result['accuracy']
  # The intervals of the two overlap, and yet the difference is certain.
  assert a['accuracy'].high > b['accuracy'].low
  assert accuracy.low > 0
  assert paired.chance_of_accuracy(table_a, table_b) < 0.001


def test_difference_changes_its_sign_with_the_order():
  table_a, table_b = _pair()
  there = paired.difference(table_a, table_b)
  back = paired.difference(table_b, table_a)
  for name in there:
    np.testing.assert_allclose(there[name].value, -back[name].value)
    np.testing.assert_allclose(there[name].low, -back[name].high, atol=1e-12)


def test_difference_of_means_over_runs():
  table_a, table_b = _pair()
  a, b = (patient_counts.make(x, with_areas=False) for x in (table_a, table_b))
  found = paired.differences([a, b], [b])['accuracy']
  expected = paired.differences([a], [b])['accuracy']
  assert found.value == pytest.approx(expected.value / 2)
  # Half of what is compared is the same.
  assert found.high - found.low < expected.high - expected.low


def test_run_and_itself():
  table, _ = _pair()
  found = paired.difference(table, table)['accuracy']
  assert found.value == 0
  assert found.low < 0 < found.high
  assert paired.chance_of_accuracy(table, table) == 1


@pytest.mark.parametrize('differences', [[1, 1, 1, 1], [3, -1, 2, 0, 2, 0.5]])
def test_all_flips_are_counted(differences):
  signs = itertools.product([-1, 1], repeat=len(differences))
  sums = [abs(np.dot(sign, differences)) for sign in signs]
  expected = np.mean(np.array(sums) >= abs(sum(differences)))
  assert paired.sign_flips(np.array(differences)) == expected


def test_four_errors_in_four_patients_are_no_evidence():
  assert paired.sign_flips(np.array([1.0] * 4 + [0.0] * 50)) == 0.125


def test_sampled_flips_are_near_the_binomial():
  # 20 equal differences, 15 of one sign: P(at least 15 or at most 5 of 20).
  found = paired.sign_flips(np.array([1.0] * 15 + [-1.0] * 5))
  assert found == pytest.approx(0.0414, abs=0.005)
  assert paired.sign_flips(np.ones(60)) == pytest.approx(1 / 20_001)


def test_other_slices_are_refused():
  table_a, table_b = _pair()
  count = len(table_a)
  with pytest.raises(ValueError, match='different slices') as error:
    paired.difference(table_a.iloc[7:], table_b.iloc[:-2])
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
    paired.difference(*tables)


def test_other_classes_and_double_slices_are_refused():
  table_a, table_b = _pair()
  with pytest.raises(ValueError, match=r'The columns differ.*p_COVID'):
    paired.difference(table_a, table_b.rename(columns={'p_NCP': 'p_COVID'}))
  table_b.loc[1, 'slice_id'] = 's00000'
  with pytest.raises(ValueError, match=r'1 slices of B .* once \(s00000\)'):
    paired.difference(table_a, table_b)
