# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Patients are divided whole, stratified and repeatably."""

import collections

import pytest

from input_pipeline import patient_split

SHARES = {'train': 0.7, 'val': 0.1, 'test': 0.2}


def _rows(patients, *, slices=3):
  return [
    {'path': f'{label}{i}_{n}.png', 'label': label, 'patient': f'{label}{i}'}
    for label, count in patients.items()
    for i in range(count)
    for n in range(slices)
  ]


def test_each_class_is_divided_as_the_shares_say():
  rows = _rows({'Normal': 20, 'NCP': 10, 'CP': 3})
  chosen = patient_split.divide(rows, SHARES, seed=0)
  counts = collections.Counter(
    (patient.rstrip('0123456789'), name) for patient, name in chosen.items()
  )
  assert counts == {
    ('Normal', 'train'): 14,
    ('Normal', 'val'): 2,
    ('Normal', 'test'): 4,
    ('NCP', 'train'): 7,
    ('NCP', 'val'): 1,
    ('NCP', 'test'): 2,
    ('CP', 'train'): 1,
    ('CP', 'val'): 1,
    ('CP', 'test'): 1,
  }


def test_seeds_repeat_and_differ_and_classes_do_not_depend_on_each_other():
  rows = _rows({'Normal': 20, 'NCP': 20})
  first = patient_split.divide(rows, SHARES, seed=0)
  assert patient_split.divide(rows[::-1], SHARES, seed=0) == first
  assert patient_split.divide(rows, SHARES, seed=1) != first
  more = patient_split.divide(_rows({'Normal': 20, 'NCP': 29}), SHARES, seed=0)
  assert {k: v for k, v in first.items() if k[:2] == 'No'} == {
    k: v for k, v in more.items() if k[:2] == 'No'
  }


def test_a_patient_of_two_classes_is_in_one_split():
  rows = _rows({'Normal': 9, 'NCP': 5})
  rows += [{'path': 'x', 'label': 'Normal', 'patient': 'NCP0'}]
  assert len(patient_split.divide(rows, SHARES, seed=0)) == 14


def test_too_few_patients_are_counted():
  with pytest.raises(ValueError, match=r"'NCP': 2, 'Normal': 9.*'NCP' has not"):
    patient_split.divide(_rows({'Normal': 9, 'NCP': 2}), SHARES, seed=0)


def test_a_class_whose_patients_all_count_for_others_may_need_another_seed():
  rows = _rows({'a': 5, 'b': 5})
  patients = ['a0', 'a1', 'a2', 'b0', 'b1', 'b2']
  rows += [{'label': 'c', 'patient': x} for x in patients]
  chosen = patient_split.divide(rows, SHARES, seed=0)
  assert {chosen[x] for x in patients} == SHARES.keys()
  with pytest.raises(ValueError, match=r"slices of 'c'. Give another --seed"):
    patient_split.divide(rows, SHARES, seed=1)
