# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What is read of the files of evidence, by hand."""

import numpy as np
import pandas as pd
import pytest

from bit_covid.analysis import map_evidence

NAMES = ('Normal', 'NCP')
ENERGY = """split,slice_id,patient_id,class,predicted,box,inside,area
test,001,p1,Normal,Normal,annotated,0.5,0.25
test,002,p2,Normal,NCP,annotated,0.7,0.35
test,003,p2,Normal,Normal,annotated,,0.35
test,004,NA,NCP,NCP,annotated,0.9,0.6
test,005,p4,NCP,NCP,,,
"""
RANDOMIZATION = """split,slice_id,class,predicted,seed,stage,similarity
test,1,Normal,Normal,0,none,1.0
test,2,Normal,Normal,0,none,1.0
test,3,Normal,Normal,0,none,
test,1,Normal,Normal,0,head,0.1
test,2,Normal,Normal,0,head,0.3
test,3,Normal,Normal,0,head,
test,1,Normal,Normal,1,none,1.0
test,2,Normal,Normal,1,none,1.0
test,1,Normal,Normal,1,head,-0.5
test,2,Normal,Normal,1,head,0.4
"""


@pytest.fixture
def read(tmp_path):
  def read(text, columns=map_evidence.ENERGY_COLUMNS):
    path = tmp_path / 'rows.csv'
    path.write_text(text)
    return map_evidence.read(path, columns, NAMES)

  return read


def test_text_stays_text_and_empty_numbers_are_missing(read):
  table = read(ENERGY)
  assert table['slice_id'].to_list() == ['001', '002', '003', '004', '005']
  assert table['patient_id'][3] == 'NA'
  assert table['box'].to_list() == ['annotated'] * 4 + ['']
  np.testing.assert_array_equal(
    table['inside'], [0.5, 0.7, np.nan, 0.9, np.nan]
  )


def test_energy_by_hand(read):
  found = map_evidence.energy(read(ENERGY), NAMES)
  assert (found.slices, found.patients) == (3, 3)
  assert found.inside.value == pytest.approx(0.7)
  assert found.area == pytest.approx(0.4)
  assert found.accuracy == pytest.approx(2 / 3)
  # Three patients tell little.
  assert found.inside.low < 0.3
  assert found.inside.high > 0.9


def test_interval_of_energy_is_over_patients():
  patient = np.repeat(np.arange(40), 10)
  generator = np.random.default_rng(0)
  each = generator.normal(0.5, 0.1, 40)
  table = pd.DataFrame(
    {
      'patient_id': [f'p{i}' for i in patient],
      'class': 'NCP',
      'predicted': 'NCP',
      'inside': each[patient],
      'area': 0.3,
    }
  )
  found = map_evidence.energy(table, NAMES).inside
  # The standard error is that of 40 patients, not of 400 slices.
  half = 1.96 * each.std(ddof=1) / np.sqrt(40)
  assert half < (found.high - found.low) / 2 < 6 * half
  assert found.low < each.mean() < found.high


def test_similarity_by_hand(read):
  found = map_evidence.similarity(
    read(RANDOMIZATION, map_evidence.RANDOMIZATION_COLUMNS)
  )
  assert list(found) == ['none', 'head']
  assert found['none'] == map_evidence.Similarity(1, 1, 1)
  assert vars(found['head']) == pytest.approx(
    {'mean': 0.075, 'low': -0.05, 'high': 0.2}
  )


@pytest.mark.parametrize(
  ('old', 'new', 'message'),
  [
    ('area', 'size', r"rows\.csv: the columns are .*'size'.* Train"),
    ('0.25', 'much', r'rows\.csv: .*much'),
    (
      'Normal',
      'healthy',
      r'3 rows have a class other than Normal, NCP.*healthy',
    ),
  ],
)
def test_damaged_files_are_refused(read, old, new, message):
  with pytest.raises(ValueError, match=message):
    read(ENERGY.replace(old, new))
