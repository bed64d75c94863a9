# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Leaks between splits that were put in by hand."""

import cv2
import numpy as np

from bit_covid.audit import overlap


def test_a_clean_table_passes(make_table):
  table = make_table()
  assert overlap.patients(table).severity == 'PASSED'
  assert overlap.images(table).severity == 'PASSED'


def test_a_patient_in_two_splits_is_named_and_counted(make_table):
  table = make_table(splits=('train', 'val', 'test'))
  moved = table['patient_id'].isin(['train_CP_3', 'train_NCP_1'])
  table.loc[moved & (table.index % 2 == 0), 'split'] = 'test'
  found = overlap.patients(table)
  assert found.severity == 'FAILED'
  assert set(found.ids) == {'train_CP_3', 'train_NCP_1'}
  shared = found.table.set_index('Splits')['Patients in both']
  assert shared['train, test'] == 2
  assert shared['train, val'] == shared['val, test'] == 0


def test_unknown_patients_are_not_taken_for_a_clean_bill(make_table):
  table = make_table()
  table['patient_id'] = table['slice_id']
  assert overlap.patients(table).severity == 'NOT CHECKED'


def test_equal_images_weigh_by_where_they_are(make_table):
  table = make_table()
  first = table.index[table['split'] == 'train'][0]
  last = table.index[table['split'] == 'test'][-1]
  copied = table.copy()
  copied.loc[last, 'digest'] = table.loc[first, 'digest']
  found = overlap.images(copied)
  assert found.severity == 'FAILED'
  assert set(found.ids) == {table.loc[i, 'slice_id'] for i in (first, last)}
  copied = table.copy()
  # Within a patient, then of two patients of a split.
  copied.loc[first + 1, 'digest'] = table.loc[first, 'digest']
  assert overlap.images(copied).severity == 'NOTE'
  copied.loc[first + 6, 'digest'] = table.loc[first, 'digest']
  assert overlap.images(copied).severity == 'WARNING'


def test_without_images_names_are_compared(make_table):
  table = make_table().assign(digest='')
  assert 'file names' in overlap.images(table).text
  table.loc[len(table) - 1, 'slice_id'] = table.loc[0, 'slice_id']
  assert overlap.images(table).severity == 'FAILED'


def _thumbnails(count):
  generator = np.random.default_rng(0)
  noise = generator.integers(0, 256, [count, 16, 16], np.uint8)
  return np.stack([cv2.resize(x, (64, 64)) for x in noise])


def test_images_that_look_the_same_are_named(make_table):
  table = make_table(patients=1)
  pictures = _thumbnails(len(table))
  assert overlap.look_alikes(table, pictures).severity == 'PASSED'
  pictures[-1] = pictures[2, ::-1] // 2 + 40
  found = overlap.look_alikes(table, pictures)
  assert found.severity == 'WARNING'
  names = table['slice_id'][[2, len(table) - 1]].tolist()
  assert list(found.ids) == names
  assert found.table[['Slice', 'Looks like']].to_numpy().tolist() == [names]
  assert float(found.table['Correlation'].item()) > 0.9
  assert '1 pairs' in found.text
  assert 'different patients' in found.text
  unknown = table.assign(patient_id=table['slice_id'])
  assert 'not known' in overlap.look_alikes(unknown, pictures).text


def test_images_that_were_not_read_are_not_passed(make_table):
  table = make_table(patients=1)
  pictures = _thumbnails(len(table))
  found = overlap.look_alikes(table, pictures, unread=1000)
  assert found.severity == 'NOT CHECKED'
  assert 'Not seen: 1,000 of 1,036 images' in found.text
  pictures[-1] = pictures[2]
  found = overlap.look_alikes(table, pictures, unread=1000)
  assert found.severity == 'WARNING'
  assert 'Not seen: 1,000' in found.text


def test_one_split_is_not_compared_with_itself(make_table):
  table = make_table(patients=1, splits=('train',))
  found = overlap.look_alikes(table, np.zeros([len(table), 64, 64], np.uint8))
  assert found.severity == 'NOT CHECKED'
