# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Slices and patients of splits, counted by hand."""

import numpy as np
import pandas as pd
import pytest

from bit_covid.analysis import split_counts
from input_pipeline import conventions

# Unlabelled slices belong to no class.
LABEL = np.array([0, 0, 0, 2, 2, -1])
PATIENT = np.array(['a', 'a', 'b', 'c', 'c', 'd'])
NAMES = ('Normal', 'CP', 'NCP')
ROWS = [['x', 'Normal', 3, 2], ['x', 'CP', 0, 0], ['x', 'NCP', 2, 1]]


def test_counts_by_hand():
  counts = split_counts.count('x', LABEL, PATIENT, NAMES)
  assert list(counts.columns) == ['split', 'class', 'slices', 'patients']
  assert counts.to_numpy().tolist() == ROWS


def test_tables_have_the_counts_of_their_rows(make_table):
  table = make_table([0, 1, 1], np.full((3, 2), 0.5))
  counts = split_counts.of_tables({'val': table, 'test': table.head(1)})
  assert counts.to_numpy().tolist() == [
    ['val', 'a', 1, 1],
    ['val', 'b', 2, 2],
    ['test', 'a', 1, 1],
    ['test', 'b', 0, 0],
  ]


def test_usual_splits_come_first_in_the_order_of_the_pipeline():
  # Analysis and input pipeline must not import each other.
  assert split_counts.ORDER == conventions.SPLITS
  names = ['site_b', 'test', 'val', 'test', 'site_a']
  assert split_counts.ordered(names) == ['val', 'test', 'site_b', 'site_a']


def test_there_and_back(tmp_path):
  path = tmp_path / 'splits.csv'
  # Names that pandas would take for something else.
  counts = split_counts.count('x', LABEL, PATIENT, ('NA', '007', 'null'))
  path.write_text(counts.to_csv(index=False))
  np.testing.assert_array_equal(split_counts.read(path), counts)


def test_predicted_splits_come_from_the_predictions():
  predicted, train, val, other = (
    split_counts.count(name, LABEL[:n], PATIENT[:n], NAMES)
    for name, n in (('test', 6), ('train', 5), ('val', 4), ('test', 1))
  )
  counts = split_counts.joined(predicted, pd.concat([other, val, train]))
  assert list(dict.fromkeys(counts['split'])) == ['train', 'val', 'test']
  assert counts['slices'].to_list() == [3, 0, 2, 3, 0, 1, 3, 0, 2]


@pytest.mark.parametrize(
  ('text', 'message'),
  [
    ('split,class,slices\nx,a,1\n', r'the columns are .* expected split, cl'),
    ('split,class,slices,patients\nx,a,many,1\n', 'splits.csv: .*many'),
    (
      'split,class,slices,patients\nx,a,2,1\nx,a,2,1\n',
      'a class of a split occurs twice',
    ),
  ],
)
def test_damaged_files_are_refused(tmp_path, text, message):
  path = tmp_path / 'splits.csv'
  path.write_text(text)
  with pytest.raises(ValueError, match=message):
    split_counts.read(path)
