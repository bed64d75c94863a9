# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Patients and sources of the training split."""

import numpy as np

from bit_covid.audit.model import patients_behind


def test_patients_of_each_class_are_counted(make_subject, make_examples):
  found = patients_behind.check(make_subject(train=make_examples(patients=12)))
  assert found.severity == 'NOTE'
  assert found.table['Patients'].tolist() == [12, 12, 12]
  assert found.table['Slices'].tolist() == [72, 72, 72]
  # With equally many slices, each patient is worth one.
  assert found.table['Worth'].tolist() == ['12', '12', '12']


def test_few_patients_are_a_warning(make_subject, make_examples):
  found = patients_behind.check(make_subject(train=make_examples(patients=3)))
  assert found.severity == 'WARNING'
  assert '18 slices of 3 patients and 1 source' in found.text


def test_patients_that_nobody_named_are_not_checked(
  make_subject, make_examples
):
  names = np.array([str(i) for i in range(144)])
  train = make_examples(slice_id=names, patient_id=names)
  found = patients_behind.check(make_subject(train=train))
  assert found.severity == 'NOT CHECKED'
