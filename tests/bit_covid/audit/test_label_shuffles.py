# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Labels that are shuffled among patients, against what can be counted."""

import numpy as np
import pandas as pd
import pytest

from bit_covid.audit import label_shuffles


def test_patients_stay_whole_and_classes_keep_their_number():
  patient = pd.Series(list('aaabbccdde'))
  label = pd.Series([0, 0, 0, 1, 1, 0, 0, 1, 1, 1])
  drawn = label_shuffles.shuffles(label, patient, count=50, seed=0)
  first, *others = drawn
  assert first.tolist() == label.tolist()
  assert len(others) == 50
  assert len({tuple(x) for x in others}) > 5
  for each in others:
    people = pd.Series(each).groupby(patient)
    assert (people.nunique() == 1).all()
    assert people.first().sum() == 3


def test_a_patient_of_two_classes_counts_as_two():
  patient = pd.Series(list('aabbcc'))
  label = pd.Series([0, 1, 0, 0, 1, 1])
  for each in label_shuffles.shuffles(label, patient, count=20, seed=0):
    # Units a0, a1, b, c: two of each class.
    assert each[0] + each[1] + each[2] + each[4] == 2
    assert each[2] == each[3]
    assert each[4] == each[5]


def test_chance_is_the_share_of_all_divisions():
  # Of 20 divisions of six patients into two classes, one is as far apart.
  patient = pd.Series(np.arange(6))
  label = pd.Series([0, 0, 0, 1, 1, 1])
  value = np.arange(6)
  found = label_shuffles.chance(
    lambda x: value[x == 1].sum(), label, patient, seed=0
  )
  assert found == pytest.approx(1 / 20, abs=0.02)


def test_slices_of_few_patients_are_chance():
  # 600 slices differ, but of three patients each.
  patient = pd.Series(np.repeat(np.arange(6), 100))
  label = pd.Series(np.repeat([0, 1], 300))
  found = label_shuffles.chance(
    lambda x: (x[:300] == 0).mean(), label, patient, seed=0
  )
  assert found > label_shuffles.RARE
