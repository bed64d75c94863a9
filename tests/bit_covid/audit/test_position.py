# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Which part of a scan the slices are."""

import numpy as np
import pytest

from bit_covid.audit import position


def test_effective_patients():
  assert position.effective_patients(np.full(7, 3)) == pytest.approx(7)
  assert position.effective_patients([1, 1, 1, 97]) == pytest.approx(
    1.063, 1e-3
  )


def test_slices_chosen_alike_are_a_note_and_others_a_warning(make_table):
  table = make_table()
  found = position.slices_per_patient(table)
  assert found.severity == 'NOTE'
  assert found.table['Median'].tolist() == [6, 6, 6]
  kept = (table['label'] != 'NCP') | (table.index % 6 < 2)
  found = position.slices_per_patient(table[kept])
  assert found.severity == 'WARNING'
  assert found.table.set_index('Class')['Median']['NCP'] == 2


def test_what_few_patients_differ_in_is_chance(make_table):
  # Of two patients a class, one in fifteen divisions differs as much.
  table = make_table(patients=2, splits=('train',))
  chosen = (table['label'] == 'Normal') | (table.index % 6 > 1)
  table = table[chosen].reset_index(drop=True)
  found = position.first_slices(table, seed=0)
  assert found.severity == 'NOTE'
  assert 'as may be chance' in found.text
  few = table[(table['label'] != 'NCP') | (table.index % 6 == 0)]
  assert position.slices_per_patient(few).severity == 'NOTE'


def test_whole_scans_of_one_class_are_found(make_table):
  table = make_table()
  assert position.first_slices(table, seed=0).severity == 'PASSED'
  lesion = table[(table['label'] == 'Normal') | (table.index % 6 > 1)]
  lesion = lesion.reset_index(drop=True)
  found = position.first_slices(lesion, seed=0)
  assert found.severity == 'WARNING'
  assert 'so it is Normal' in found.text
  assert 'sensitivity 1.000 and specificity 1.000' in found.text
  counts = found.table.set_index('Class')['With their first slice']
  assert counts.to_dict() == {'Normal': 20, 'CP': 0, 'NCP': 0}


def test_names_without_numbers_are_not_guessed_at(make_table):
  table = make_table().assign(slice_id='x')
  assert position.first_slices(table, seed=0).severity == 'NOT CHECKED'
