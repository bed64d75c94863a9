# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Leaks between splits that were put in by hand."""

import cv2
import numpy as np

from bit_covid.audit import images
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


def _slice(seed, side=128):
  noise = np.random.default_rng(seed).integers(0, 256, [12, 12], np.uint8)
  return cv2.resize(noise, (side, side), interpolation=cv2.INTER_CUBIC)


def test_copies_of_another_size_and_contrast_are_found(make_table):
  table = make_table(patients=1)
  pictures = [_slice(i) for i in range(len(table))]
  hashes = np.stack([images.thumbnail_hash(x) for x in pictures])
  assert overlap.near_images(table, hashes).severity == 'PASSED'
  copy = cv2.resize(pictures[2], (256, 256)) // 2 + 40
  hashes[-1] = images.thumbnail_hash(copy)
  found = overlap.near_images(table, hashes)
  assert found.severity == 'WARNING'
  assert found.ids == (table['slice_id'][2],)
  assert found.table['Looks like'].tolist() == [table['slice_id'].iloc[-1]]
