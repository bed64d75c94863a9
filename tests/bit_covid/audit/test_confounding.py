# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""How much the source gives away, against numbers by hand and scikit-learn."""

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from bit_covid.audit import confounding


def test_measures_of_association():
  same = pd.DataFrame([[30, 0], [0, 10]])
  assert confounding.cramers_v(same) == pytest.approx(1)
  assert confounding.shared_information(same) == pytest.approx(1)
  independent = pd.DataFrame([[30, 10], [60, 20]])
  assert confounding.cramers_v(independent) == pytest.approx(0, abs=1e-9)
  assert confounding.shared_information(independent) == pytest.approx(
    0, abs=1e-9
  )
  # 2 x 2: without correction V is |ad - bc| over the root of the product of
  # all margins; its square loses 1 / 64, and the sides become 2 - 1 / 64.
  table = np.array([[30, 10], [5, 20]])
  plain = (30 * 20 - 10 * 5) / np.sqrt(40 * 25 * 35 * 30)
  expected = np.sqrt((plain**2 - 1 / 64) / (1 - 1 / 64))
  assert confounding.cramers_v(pd.DataFrame(table)) == pytest.approx(expected)
  source = np.repeat([0, 0, 1, 1], table.ravel())
  label = np.repeat([0, 1, 0, 1], table.ravel())
  entropy = -sum(p * np.log(p) for p in table.sum(0) / table.sum())
  assert confounding.shared_information(pd.DataFrame(table)) == pytest.approx(
    metrics.mutual_info_score(source, label) / entropy
  )


def test_sources_that_know_nothing_are_a_note(make_table):
  found = confounding.source(make_table(), seed=0)
  assert found.severity == 'NOTE'
  assert found.table[['Normal', 'CP', 'NCP']].to_numpy().sum() == 60


def test_a_class_of_its_own_hospital_is_a_warning(make_table):
  table = make_table()
  table.loc[table['label'] == 'CP', 'source'] = 'C'
  found = confounding.source(table, seed=0)
  assert found.severity == 'WARNING'
  assert 'CP from C' in found.text
  # Right for all of CP and for one of two classes in A and B.
  assert '66.7% of the patients in test' in found.text


def test_one_source_and_none_are_told_apart(make_table):
  one = confounding.source(make_table().assign(source='A'), seed=0)
  assert one.severity == 'NOTE'
  assert 'one source' in one.text
  none = confounding.source(make_table().assign(source=''), seed=0)
  assert none.severity == 'NOT CHECKED'


def test_many_sources_that_know_nothing_are_a_note(make_table):
  warnings, associations = 0, []
  for seed in range(40):
    table = make_table(seed=seed)
    generator = np.random.default_rng(seed)
    names = table['patient_id'].unique()
    of_patient = dict(
      zip(names, generator.integers(0, 20, len(names)), strict=True)
    )
    table['source'] = table['patient_id'].map(of_patient).map('S{}'.format)
    found = confounding.source(table, seed=seed)
    warnings += found.severity == 'WARNING'
    people = table.drop_duplicates('patient_id')
    counts = pd.crosstab(people['source'], people['label'])
    associations.append(confounding.cramers_v(counts))
  # 5 % of 40 are 2; 6 and more have a probability of 1.4 %.
  assert warnings <= 5
  assert np.mean(associations) < 0.1


def test_every_source_of_a_patient_counts(make_table):
  table = make_table().assign(source='A')
  is_last = table['slice_id'].str.endswith('_5.png')
  table.loc[is_last & (table['label'] == 'NCP'), 'source'] = 'B'
  found = confounding.source(table, seed=0)
  assert 'All patients are of one source' not in found.text
  assert set(found.table['Source']) == {'A', 'B'}
