# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The predictions table, there and back."""

import csv

import numpy as np
import pandas as pd
import pytest

from bit_covid.analysis import predictions


def _table(count=5):
  generator = np.random.default_rng(0)
  return predictions.make_table(
    # Names that pandas would take for something else.
    slice_id=['007.png', 'NA', 'null', 'a,b"c', 'Größe'][:count],
    patient_id=['1e5', '', 'True', '0x1', 'nan'][:count],
    source=['', 'TCIA', '', '', ''][:count],
    label=np.array([0, 2, -1, 1, 0][:count]),
    probabilities=generator.dirichlet(np.ones(3), count),
    class_names=('Normal', 'CP', 'NCP'),
  )


def test_columns():
  assert list(_table().columns) == [
    'slice_id',
    'patient_id',
    'source',
    'label',
    'p_Normal',
    'p_CP',
    'p_NCP',
  ]
  assert predictions.class_names(_table()) == ('Normal', 'CP', 'NCP')


def test_round_trip_to_the_last_bit(tmp_path):
  table = _table()
  path = tmp_path / 'predictions' / 'test.csv'
  predictions.write(table, path)
  pd.testing.assert_frame_equal(
    predictions.read(path), table, check_exact=True, check_dtype=False
  )
  assert predictions.read(path)['label'].isna().tolist() == [
    False,
    False,
    True,
    False,
    False,
  ]
  assert [file.name for file in path.parent.iterdir()] == ['test.csv']


def test_probabilities_are_in_the_order_of_the_labels():
  table = _table()
  np.testing.assert_array_equal(
    predictions.probabilities(table)[:, 2], table['p_NCP']
  )


@pytest.mark.parametrize(
  'header', ['slice_id,label,p_a', 'slice_id,patient_id,source,label,a,b']
)
def test_other_tables_are_refused(tmp_path, header):
  path = tmp_path / 'x.csv'
  path.write_text(f'{header}\n')
  with pytest.raises(ValueError, match=r'x\.csv: the columns are'):
    predictions.read(path)


@pytest.mark.parametrize(
  'row', ['a,b,c,1.5,1', 'a,b,c,zero,1', 'a,b,c,0,1,2,3', None]
)
def test_damaged_tables_are_named(tmp_path, row):
  path = tmp_path / 'x.csv'
  header = 'slice_id,patient_id,source,label,p_a'
  path.write_text(f'{header}\na,b,c,0,1\n{row}\n' if row else '')
  with pytest.raises(
    ValueError, match=r'x\.csv: it is empty or damaged: .*Write'
  ):
    predictions.read(path)


def test_probability_that_is_no_number_is_missing(tmp_path):
  table = _table()
  path = tmp_path / 'x.csv'
  predictions.write(table, path)
  for text in ('', 'much'):
    lines = path.read_text().split('\n')
    cells = lines[4].split(',')
    lines[4] = ','.join([*cells[:-2], text, cells[-1]])
    path.write_text('\n'.join(lines))
    found = predictions.read(path)
    expected = table['p_CP'].where(table.index != 3)
    # The others are what they were, to the last bit.
    np.testing.assert_array_equal(found['p_CP'], expected)
    pd.testing.assert_series_equal(
      found['p_NCP'], table['p_NCP'], check_exact=True
    )
    labelled = found.dropna(subset='label')
    with pytest.raises(ValueError, match='1 of 4 rows have no label or a prob'):
      predictions.labelled(labelled)


def test_texts_that_are_formulas_are_written_as_text_and_read_as_before(
  tmp_path,
):
  texts = ['=1+1', '-2', "'=1", "'a", 'a', '\t1', '\ra\r\nb', 'c\rd']
  table = predictions.make_table(
    slice_id=texts,
    patient_id=texts,
    source=texts,
    label=np.zeros(8, int),
    probabilities=np.linspace(-3.5, 1, 8)[:, None],
    class_names=['NCP'],
  )
  path = tmp_path / 'test.csv'
  predictions.write(table, path)
  with path.open(newline='') as file:
    rows = list(csv.reader(file))
  assert rows[1] == ["'=1+1", "'=1+1", "'=1+1", '0', '-3.5']
  for row in rows:
    assert not any(cell.startswith(tuple('=+-@\t\r')) for cell in row[:3])
  pd.testing.assert_frame_equal(
    predictions.read(path), table, check_exact=True, check_dtype=False
  )
