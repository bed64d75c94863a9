# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Subgroups by source and by what is known of patients."""

import pathlib

import numpy as np
import pytest

from bit_covid.analysis import metrics
from bit_covid.analysis import predictions
from bit_covid.analysis import subgroups

HEAD = 'patient id,source,country,sex,age,finding\n'


def _table():
  """Site A: 12 patients of 2 slices; B: 9; one patient without a source."""
  patient = np.repeat(np.arange(22), 2)
  generator = np.random.default_rng(0)
  return predictions.make_table(
    slice_id=[f's{i}' for i in range(44)],
    patient_id=[f'p{i}' for i in patient],
    source=np.array(['A'] * 12 + ['B'] * 9 + [''])[patient],
    label=patient % 2,
    probabilities=generator.dirichlet(np.ones(2), 44),
    class_names=('Normal', 'NCP'),
  )


def _write(folder: pathlib.Path, text: str) -> pathlib.Path:
  path = folder / 'metadata.csv'
  path.write_text(HEAD + text)
  return path


def test_groups_by_source_are_marked_and_not_dropped():
  found = subgroups.measure(_table())
  assert [(x.by, x.name, x.patients, x.is_small) for x in found] == [
    ('source', 'A', 12, False),
    ('source', 'B', 9, True),
    ('source', subgroups.UNKNOWN, 1, True),
  ]
  assert found[0].patients_by_class == {'Normal': 6, 'NCP': 6}
  assert sum(x.slices for x in found) == 44


def test_small_classes_of_a_large_group_are_marked():
  table = _table().assign(source='A')
  table.loc[table['patient_id'].isin(['p1', 'p3']), 'source'] = 'B'
  table.loc[table['label'] == 0, 'source'] = 'B'
  found = {x.name: x for x in subgroups.measure(table)}
  # Eleven healthy patients, and two that are ill.
  assert found['B'].patients_by_class == {'Normal': 11, 'NCP': 2}
  assert not found['B'].is_small
  assert found['B'].small_classes == ('NCP',)
  # A class without patients has nothing to read.
  assert found['A'].small_classes == ('NCP',)
  assert found['B'].measures['sensitivity'].low[1] < 0.3


@pytest.mark.parametrize(('count', 'is_small'), [(9, True), (10, False)])
def test_ten_patients_are_enough(count, is_small):
  table = _table().head(2 * count)
  (group,) = subgroups.measure(table)
  assert (group.patients, group.is_small) == (count, is_small)


def test_measures_are_those_of_the_rows_of_the_group():
  table = _table()
  found = subgroups.measure(table)[0]
  part = table[table['source'] == 'A']
  expected = metrics.measure(part)
  for name in ('accuracy', 'sensitivity', 'ppv'):
    np.testing.assert_array_equal(found.measures[name].value, expected[name])


def test_groups_by_metadata(tmp_path):
  ages = ['', '17', '18', '39.0', '40', '79', '80', '94']
  path = _write(
    tmp_path,
    ''.join(f'p{i},A,Iran,{"FM"[i % 2]},{x},x\n' for i, x in enumerate(ages)),
  )
  found = subgroups.measure(_table(), subgroups.read_metadata(path))
  counts = {
    by: {x.name: x.patients for x in found if x.by == by}
    for by in ('country', 'age', 'sex')
  }
  # 14 of 22 patients are not in the metadata, the age of one is not.
  assert counts == {
    'country': {'Iran': 8, 'unknown': 14},
    'age': {
      '0-17': 1,
      '18-39': 2,
      '40-59': 1,
      '60-79': 1,
      '80+': 2,
      'unknown': 15,
    },
    'sex': {'F': 4, 'M': 4, 'unknown': 14},
  }
  assert next(iter(counts['age'])) == '0-17'
  assert list(counts['age'])[-1] == 'unknown'


@pytest.mark.parametrize(
  ('text', 'message'),
  [
    ('p0,A,Iran,F,old,x\n', "1 ages are not numbers from .* such as 'old'"),
    ('p0,A,Iran,F,inf,x\n', "1 ages are not numbers from .* such as 'inf'"),
    ('p0,A,Iran,F,-3,x\n', "1 ages are not numbers from 0 to 122, .* '-3'"),
    ('p0,A,Iran,F,nan,x\n', "1 ages are not numbers from .* such as 'nan'"),
    ('p0,A,,,,\np0,A,,,,\n', "1 patients occur more than once.*'p0'"),
  ],
)
def test_bad_metadata_are_an_error(tmp_path, text, message):
  with pytest.raises(ValueError, match=message):
    subgroups.read_metadata(_write(tmp_path, text))


def test_metadata_without_a_column_are_an_error(tmp_path):
  path = tmp_path / 'metadata.csv'
  path.write_text('patient id,sex\np0,F\n')
  with pytest.raises(ValueError, match='no column country, age; expected'):
    subgroups.read_metadata(path)


def test_metadata_of_other_patients_are_an_error(tmp_path):
  metadata = subgroups.read_metadata(_write(tmp_path, 'q0,A,Iran,F,40,x\n'))
  with pytest.raises(ValueError, match=r"none of the 22 patients.*'q0'"):
    subgroups.measure(_table(), metadata)


def test_metadata_of_covidx_ct(real_data):
  metadata = subgroups.read_metadata(real_data / 'splits' / 'metadata.csv')
  assert len(metadata) == 6068
  assert (metadata['sex'] == subgroups.UNKNOWN).sum() == 3091
  assert metadata.loc['COVIDCTMD-P001'].to_dict() == {
    'country': 'Iran',
    'age': '18-39',
    'sex': 'M',
  }
