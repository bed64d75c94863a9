# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Areas under curves of patients, against scikit-learn and plain chance."""

import numpy as np
import pytest
from sklearn import metrics

from bit_covid.analysis import predictions
from bit_covid.audit.model import told_classes

_NAMES = ('Normal', 'CP', 'NCP')


def _table(*, strength=0.0, patients=30, slices=4, seed=0, bias=(0, 0, 0)):
  """A predictions table in which the true class gets more, by `strength`."""
  generator = np.random.default_rng(seed)
  label = np.repeat(np.arange(patients) % 3, slices)
  # Slices of a patient are alike.
  logits = np.repeat(generator.normal(size=[patients, 3]), slices, axis=0)
  logits = logits + strength * np.eye(3)[label] + np.array(bias)
  odds = np.exp(logits)
  return predictions.make_table(
    slice_id=np.array([f's{i}' for i in range(len(label))]),
    patient_id=np.repeat([f'p{i}' for i in range(patients)], slices),
    source=np.full(len(label), 'A'),
    label=label,
    probabilities=odds / odds.sum(axis=1, keepdims=True),
    class_names=_NAMES,
  )


def test_areas_are_those_of_scikit_learn():
  table = _table(strength=1.0)
  found, _ = told_classes.areas({'x': table}, seed=0)
  people = table.groupby('patient_id')
  columns = list(table.columns[-3:])
  expected = metrics.roc_auc_score(
    people['label'].first(),
    people[columns].mean(),
    multi_class='ovr',
    average='macro',
  )
  assert found['x'] == pytest.approx(expected, abs=1e-12)


def test_a_class_that_is_always_said_hides_nothing():
  # NCP is said of every slice, so that the accuracy is 1/3.
  table = _table(strength=2.0, bias=(0, 0, 9))
  assert (table[table.columns[-3:]].to_numpy().argmax(axis=1) == 2).all()
  found, chance = told_classes.areas({'x': table}, seed=0)
  assert found['x'] > 0.8
  assert chance == 0.001


def test_chance_is_rarely_taken_for_knowledge():
  chances = [
    told_classes.areas(
      {'x': _table(seed=2 * i), 'y': _table(seed=2 * i + 1)}, seed=i
    )[1]
    for i in range(40)
  ]
  # 0.2 are below the first by chance, and 4 below the second.
  assert sum(x <= 0.005 for x in chances) <= 2
  assert sum(x <= 0.1 for x in chances) <= 10
  assert 0.3 < np.mean(chances) < 0.7


def test_equal_probabilities_tell_nothing():
  table = _table()
  table[table.columns[-3:]] = 1 / 3
  assert told_classes.areas({'x': table}, seed=0) == ({'x': 0.5}, 1.0)


def test_a_class_without_patients_is_left_out():
  table = _table(strength=2.0)
  found, _ = told_classes.areas({'x': table[table['label'] != 1]}, seed=0)
  assert 0.8 < found['x'] <= 1
