# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Rows of patients against sums by hand."""

import numpy as np
import pytest

from bit_covid.analysis import aggregation
from bit_covid.analysis import predictions

# Patient b has three slices, a one; b's come from two sources.
ROWS = [
  ('b', 'TCIA', 2, (0.1, 0.3, 0.6)),
  ('a', 'LIDC', 0, (0.5, 0.5, 0.0)),
  ('b', 'CNCB', 2, (0.8, 0.1, 0.1)),
  ('b', 'TCIA', 2, (0.2, 0.2, 0.6)),
]


def _table(rows=ROWS):
  patient, source, label, probabilities = zip(*rows, strict=True)
  return predictions.make_table(
    slice_id=[f's{i}' for i in range(len(rows))],
    patient_id=patient,
    source=source,
    label=np.array(label),
    probabilities=np.array(probabilities),
    class_names=('Normal', 'CP', 'NCP'),
  )


@pytest.mark.parametrize(
  ('method', 'expected'),
  [
    ('mean', (1.1 / 3, 0.6 / 3, 1.3 / 3)),
    ('max', (0.8 / 1.7, 0.3 / 1.7, 0.6 / 1.7)),
    # Means of the two largest: 0.5, 0.25, 0.6.
    ('top_k', (0.5 / 1.35, 0.25 / 1.35, 0.6 / 1.35)),
    ('vote', (1 / 3, 0, 2 / 3)),
  ],
)
def test_each_method_by_hand(method, expected):
  table = aggregation.aggregate_patients(_table(), method, top_k=2)
  assert table['patient_id'].tolist() == ['a', 'b']
  assert table['slice_id'].tolist() == ['a', 'b']
  assert table['source'].tolist() == ['LIDC', 'CNCB+TCIA']
  assert table['label'].tolist() == [0, 2]
  assert list(table.columns) == list(_table().columns)
  found = predictions.probabilities(table)
  # The votes of a single slice; its two classes are equal.
  single = (1, 0, 0) if method == 'vote' else (0.5, 0.5, 0)
  np.testing.assert_allclose(found, [single, expected], atol=1e-12)


def test_the_mean_decides_tied_votes():
  rows = [
    ('a', '', 2, (0.5, 0.1, 0.4)),
    ('a', '', 2, (0.1, 0.0, 0.9)),
    ('b', '', 0, (0.9, 0.1, 0.0)),
    ('b', '', 0, (0.4, 0.6, 0.0)),
    ('c', '', 1, (0.0, 1.0, 0.0)),
  ]
  table = aggregation.aggregate_patients(_table(rows), 'vote')
  found = predictions.probabilities(table)
  # Before, the first class won: Normal instead of NCP.
  assert found.argmax(axis=1).tolist() == [2, 0, 1]
  np.testing.assert_allclose(found[0], [0.5, 0, 0.5], atol=1e-5)
  np.testing.assert_allclose(found.sum(axis=1), 1)
  assert aggregation.tied_votes(_table(rows)) == 2


def test_every_method_is_known():
  assert aggregation.METHODS == ('mean', 'max', 'top_k', 'vote')
  for method in aggregation.METHODS:
    found = predictions.probabilities(
      aggregation.aggregate_patients(_table(), method)
    )
    np.testing.assert_allclose(found.sum(axis=1), 1)


@pytest.mark.parametrize(('k', 'same'), [(1, 'max'), (3, 'mean'), (10, 'mean')])
def test_top_k_lies_between_max_and_mean(k, same):
  a = aggregation.aggregate_patients(_table(), 'top_k', top_k=k)
  b = aggregation.aggregate_patients(_table(), same)
  np.testing.assert_allclose(
    predictions.probabilities(a), predictions.probabilities(b)
  )


def test_rows_may_be_a_part_of_a_table_in_any_order():
  part = _table().iloc[[3, 2, 0]]
  table = aggregation.aggregate_patients(part, 'mean')
  assert table['source'].tolist() == ['CNCB+TCIA']
  np.testing.assert_allclose(table['p_Normal'], 1.1 / 3)


def test_aggregating_patients_again_changes_nothing():
  once = aggregation.aggregate_patients(_table(), 'mean')
  twice = aggregation.aggregate_patients(once, 'mean')
  assert once.equals(twice)


def test_patient_with_two_labels_is_named():
  rows = [*ROWS, ('b', 'TCIA', 0, (1.0, 0.0, 0.0))]
  with pytest.raises(
    ValueError, match=r'1 of 2 patients have .* different labels: b\.'
  ):
    aggregation.aggregate_patients(_table(rows), 'mean')


@pytest.mark.parametrize(
  ('rows', 'message'),
  [
    ([('a', '', -1, (1, 0, 0))], r'1 of 1 rows have no label'),
    ([('a', '', 0, (np.nan, 0, 0))], r'1 of 1 rows have no label or a prob'),
    ([('', '', 0, (1, 0, 0))], r'1 of 1 slices have no patient_id'),
  ],
)
def test_missing_values_are_refused(rows, message):
  with pytest.raises(ValueError, match=message):
    aggregation.aggregate_patients(_table(rows), 'mean')


def test_settings_are_checked():
  with pytest.raises(
    ValueError, match=r"'median'; expected one of mean, max, top_k, vote"
  ):
    aggregation.aggregate_patients(_table(), 'median')
  with pytest.raises(ValueError, match='top_k is 0'):
    aggregation.aggregate_patients(_table(), 'top_k', top_k=0)
