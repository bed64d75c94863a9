# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The tables of two scans, cell by cell."""

import numpy as np
import pytest

from bit_covid.analysis import interval
from bit_covid.analysis import similar_patients
from bit_covid.scoring import certainty
from bit_covid.scoring import tables
from bit_covid.scoring import verdict
from input_pipeline import scans

NAMES = ('A', 'B')


@pytest.fixture
def results(make_result):
  """A scan of a used, a flagged and an unscored slice, and one of no score."""
  return [
    make_result(
      *(0.75, (0.25, 'odd'), 'no lungs'),
      verdict=verdict.Verdict('caution', ('Far.', 'Odd.'), 12.5),
    ),
    make_result('no lungs', scan_id='0b', source='images'),
  ]


def test_predictions_have_a_row_per_slice(results):
  table = tables.predictions_table(results, NAMES)
  assert table['slice_id'].tolist() == [
    *('0a-0001', '0a-0002', '0a-0003', '0b-0001')
  ]
  assert table['patient_id'].tolist() == ['0a', '0a', '0a', '0b']
  assert table['source'].tolist() == ['dicom', 'dicom', 'dicom', 'images']
  assert table['label'].isna().all()
  np.testing.assert_array_equal(
    table[['p_A', 'p_B']],
    [[0.75, 0.25], [0.25, 0.75], [np.nan, np.nan], [np.nan, np.nan]],
  )


def test_slices_say_where_they_lie_and_why_they_do_not_count(results):
  table = tables.slices_table(results)
  assert table['slice_id'].tolist()[3] == '0b-0001'
  assert table['scan_id'].tolist() == ['0a', '0a', '0a', '0b']
  assert table['number'].tolist() == [1, 2, 3, 1]
  assert table['position_mm'].tolist() == [0, -5, -10, 0]
  assert table['counts'].tolist() == [True, False, False, False]
  assert table['finding'].tolist() == ['', 'odd', 'no lungs', 'no lungs']


def test_scans_have_a_row_per_aggregation_method(results):
  table = tables.scans_table(results, NAMES)
  assert table['method'].tolist() == ['mean', 'max', 'top_k', 'vote', '']
  assert table['scan_id'].tolist() == ['0a'] * 4 + ['0b']
  assert table['slices'].tolist() == [3] * 4 + [1]
  assert table['counted'].tolist() == [1] * 4 + [0]
  assert table['predicted'].tolist() == ['A'] * 4 + ['']
  assert table['verdict'].tolist() == ['caution'] * 4 + ['accept']
  assert table['distance'].tolist() == [12.5] * 4 + [9.5]
  assert table['reasons'].tolist()[3:] == ['Far. Odd.', 'Near.']
  assert table['p_A'].tolist()[:4] == [0.75] * 4
  assert table[['p_A', 'p_B']].iloc[4].isna().all()


def test_similar_patients_are_in_the_row_of_the_mean(make_result):
  share = interval.Interval(0.9, 0.77, 0.97)
  similar = similar_patients.Similar(40, 36, 0.8, 0.9, share)
  known = certainty.Certainty('Of 40, 36.', similar)
  table = tables.scans_table(
    [
      make_result(0.75, vote=0.4, certainty=known),
      make_result(0.75, certainty=certainty.Certainty('Not known.')),
    ],
    NAMES,
  )
  assert table['method'].tolist() == 2 * ['mean', 'max', 'top_k', 'vote']
  assert table['unanimous'].tolist() == [False] * 4 + [True] * 4
  columns = ['similar', 'similar_right', 'right_low', 'right_high', 'certainty']
  assert table.loc[0, columns].tolist() == [40, 36, 0.77, 0.97, 'Of 40, 36.']
  assert table.loc[4, 'certainty'] == 'Not known.'
  assert table[columns[:4]].drop(index=0).isna().all(axis=None)
  assert (table['certainty'] == '').sum() == 6
  assert ',40,36,' in table.to_csv()


def test_refused_files_are_named_by_their_digest_alone():
  table = tables.refused_table([scans.Refused('Doe', '0c', 'why', 'damaged')])
  assert table.to_dict('records') == [
    {'file_id': '0c', 'cause': 'damaged', 'reason': 'why'}
  ]


def test_tables_of_no_scan_keep_their_columns():
  assert list(tables.predictions_table([], NAMES).columns) == [
    *('slice_id', 'patient_id', 'source', 'label', 'p_A', 'p_B')
  ]
  assert len(tables.slices_table([]).columns) == 7
  assert len(tables.scans_table([], NAMES).columns) == 17
  assert len(tables.refused_table([]).columns) == 3
