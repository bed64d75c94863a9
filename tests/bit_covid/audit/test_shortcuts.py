# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Shortcuts that were put in by hand, and their absence."""

import numpy as np

from bit_covid.audit import shortcuts


def test_chance_is_no_shortcut(make_table):
  found = shortcuts.shortcuts(make_table(), seed=0)
  assert found.severity == 'PASSED', found.text


def test_a_box_that_tells_the_class_is_found_and_named(make_table):
  table = make_table()
  table.loc[table['label'] == 'NCP', 'xmax'] += 60
  found = shortcuts.shortcuts(table, seed=0)
  assert found.severity == 'WARNING'
  scores = found.table.set_index('What is seen')['Balanced accuracy']
  # NCP is known, and of the two others one in two.
  assert 0.55 < scores['the box around the body'] < 0.8
  assert abs(scores['the slice number'] - 1 / 3) < 0.1


def test_a_patient_known_by_heart_tells_nothing(make_table):
  # Each patient has a gray value of their own: only across a split by slices
  # would it tell the class.
  table = make_table(patients=20)
  value = np.random.default_rng(0).normal(size=table['patient_id'].nunique())
  _, number = np.unique(table['patient_id'], return_inverse=True)
  table = table.assign(height=64, width=64, inside=value[number], outside=0)
  assert shortcuts.shortcuts(table, seed=0).severity == 'PASSED'


def test_folds_keep_patients_whole_and_classes_even():
  label = np.repeat([0, 1, 1], 40)
  patient = np.repeat(np.arange(30), 4)
  fold = shortcuts._folds(label, patient, seed=0)
  for number in range(5):
    inside = fold == number
    assert not set(patient[inside]) & set(patient[~inside])
    assert len(set(patient[inside & (label == 0)])) == 2
    assert len(set(patient[inside & (label == 1)])) == 4


def test_chance_is_measured_on_shuffled_labels(make_table):
  table = make_table()
  shown = shortcuts.shortcuts(table, seed=3).table.set_index('What is seen')
  boxes = table[['xmin', 'ymin']].assign(
    width=table['xmax'] - table['xmin'], height=table['ymax'] - table['ymin']
  )
  score, *by_chance = shortcuts.tells(
    table, boxes.to_numpy(float), count=39, seed=3
  )
  row = shown.loc['the box around the body']
  assert row['Balanced accuracy'] == score
  assert row['Shuffled'] == np.mean(by_chance)
  # Of one row, the largest of 39; with others beside it, no less.
  assert len(by_chance) == 39
  assert row['Limit'] > np.max(by_chance) - 1e-12


def test_few_or_unknown_patients_are_not_checked(make_table):
  few = shortcuts.shortcuts(make_table(patients=2), seed=0)
  assert few.severity == 'NOT CHECKED'
  table = make_table()
  table['patient_id'] = table['slice_id']
  assert shortcuts.shortcuts(table, seed=0).severity == 'NOT CHECKED'
