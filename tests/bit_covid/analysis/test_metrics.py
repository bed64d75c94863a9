# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Metrics against published matrices, hand-made ones and scikit-learn."""

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from bit_covid.analysis import metrics
from bit_covid.analysis import predictions

NAMES = ('Normal', 'CP', 'NCP')

# Published confusion matrices on the test split of COVIDx CT-2A, and the rows
# of the paper's Tables 1 and 2: accuracy, then sensitivity, PPV, specificity
# and NPV of Normal, CP and NCP, in percent with one decimal.
COVID_NET_CT_2_L = (
  [[12_128, 5, 112], [45, 7262, 88], [23, 208, 5787]],
  98.1,
  {
    'sensitivity': (99.0, 98.2, 96.2),
    'ppv': (99.4, 97.2, 96.7),
    'specificity': (99.5, 98.8, 99.0),
    'npv': (99.1, 99.3, 98.8),
  },
)
COVID_NET_CT_2_S = (
  [[12_109, 5, 131], [52, 7256, 87], [39, 220, 5759]],
  97.9,
  {
    'sensitivity': (98.9, 98.1, 95.7),
    'ppv': (99.3, 97.0, 96.4),
    'specificity': (99.3, 98.8, 98.9),
    'npv': (99.0, 99.2, 98.7),
  },
)


def _table(labels, probabilities, class_names=NAMES):
  names = [f's{i}' for i in range(len(labels))]
  return predictions.make_table(
    slice_id=names,
    patient_id=names,
    source=names,
    label=np.asarray(labels),
    probabilities=np.asarray(probabilities),
    class_names=class_names,
  )


@pytest.mark.parametrize(
  ('matrix', 'accuracy', 'rows'),
  [COVID_NET_CT_2_L, COVID_NET_CT_2_S],
  ids=['CT-2 L', 'CT-2 S'],
)
def test_published_matrices_give_the_rows_of_the_paper(matrix, accuracy, rows):
  confusion = np.array(matrix)
  assert confusion.sum() == 25_658
  measures = metrics.from_confusion(confusion)
  assert round(100 * measures['accuracy'], 1) == accuracy
  assert set(metrics.MEASURES) == set(rows)
  for name, values in rows.items():
    # Half up, as the paper rounds: 97.15 % is 97.2 there.
    printed = np.floor(1000 * np.round(measures[name], 6) + 0.5) / 10
    np.testing.assert_allclose(printed, values)


def test_confusion_matrix_from_a_table():
  table = _table(
    [0, 0, 1, 2, 2],
    [
      [0.9, 0.1, 0.0],
      [0.2, 0.8, 0.0],
      [0.1, 0.8, 0.1],
      [0.0, 0.1, 0.9],
      # A tie goes to the first class.
      [0.4, 0.2, 0.4],
    ],
  )
  np.testing.assert_array_equal(
    metrics.confusion_matrix(table), [[1, 1, 0], [0, 1, 0], [1, 0, 1]]
  )


def test_measures_equal_those_of_scikit_learn():
  generator = np.random.default_rng(0)
  labels = generator.integers(0, 4, 500)
  probabilities = generator.dirichlet(np.ones(4), 500)
  table = _table(labels, probabilities, ('a', 'b', 'c', 'd'))
  predicted = probabilities.argmax(1)
  measures = metrics.from_confusion(metrics.confusion_matrix(table))
  accuracy = sklearn_metrics.accuracy_score(labels, predicted)
  assert measures['accuracy'] == accuracy
  precision, recall, _, _ = sklearn_metrics.precision_recall_fscore_support(
    labels, predicted
  )
  np.testing.assert_allclose(measures['sensitivity'], recall)
  np.testing.assert_allclose(measures['ppv'], precision)
  for i in range(4):
    # The rest as the positive class.
    rest = labels != i, predicted != i
    specificity = sklearn_metrics.recall_score(*rest)
    assert measures['specificity'][i] == pytest.approx(specificity)
    npv = sklearn_metrics.precision_score(*rest)
    assert measures['npv'][i] == pytest.approx(npv)


def test_undefined_is_neither_zero_nor_one():
  # No slice of CP, and none that was called NCP.
  confusion = np.array([[3, 1, 0], [0, 0, 0], [2, 0, 0]])
  summary = metrics.summary(confusion, NAMES)
  assert summary['sensitivity'] == {'Normal': 0.75, 'CP': None, 'NCP': 0.0}
  assert summary['ppv'] == {'Normal': 0.6, 'CP': 0.0, 'NCP': None}
  assert summary['slices'] == 6
  assert summary['accuracy'] == 0.5
  assert summary['confusion_matrix'] == confusion.tolist()


def test_class_that_is_nowhere_keeps_its_row():
  table = _table([0, 0], [[0.9, 0.1, 0.0], [0.8, 0.2, 0.0]])
  np.testing.assert_array_equal(
    metrics.confusion_matrix(table), [[2, 0, 0], [0, 0, 0], [0, 0, 0]]
  )


@pytest.mark.parametrize(
  ('labels', 'probability'), [([0, -1], 0.5), ([0, 1], np.nan)]
)
def test_rows_that_cannot_be_counted_are_an_error(labels, probability):
  table = _table(labels, [[1, 0, 0], [probability, 0.5, 0]])
  with pytest.raises(ValueError, match=r"1 of 2 rows .* such as 's1'"):
    metrics.confusion_matrix(table)


def test_measure_equals_scikit_learn():
  generator = np.random.default_rng(1)
  label = generator.integers(0, 3, 400)
  # Tenths, so that many are tied.
  probabilities = generator.multinomial(10, np.ones(3) / 3, 400) / 10
  predicted = probabilities.argmax(1)
  found = metrics.measure(_table(label, probabilities))
  assert list(found) == list(metrics.OVERALL + metrics.PER_CLASS)
  overall = {
    'accuracy': sklearn_metrics.accuracy_score,
    'balanced_accuracy': sklearn_metrics.balanced_accuracy_score,
    'mcc': sklearn_metrics.matthews_corrcoef,
    'kappa': sklearn_metrics.cohen_kappa_score,
  }
  for name, score in overall.items():
    assert isinstance(found[name], float)
    assert found[name] == pytest.approx(score(label, predicted))
  np.testing.assert_allclose(
    found['f1'], sklearn_metrics.f1_score(label, predicted, average=None)
  )
  np.testing.assert_allclose(
    found['roc_auc'],
    sklearn_metrics.roc_auc_score(
      np.eye(3)[label], probabilities, average=None
    ),
  )
  np.testing.assert_allclose(
    found['average_precision'],
    sklearn_metrics.average_precision_score(
      np.eye(3)[label], probabilities, average=None
    ),
  )
  confusion = metrics.confusion_matrix(_table(label, probabilities))
  for name, values in metrics.from_confusion(confusion).items():
    np.testing.assert_array_equal(found[name], values)


def test_measures_of_many_matrices_at_once():
  matrices = np.random.default_rng(0).integers(0, 9, (4, 5, 3, 3))
  found = metrics.from_confusion(matrices)
  assert found['kappa'].shape == (4, 5)
  assert found['f1'].shape == (4, 5, 3)
  for name, values in metrics.from_confusion(matrices[2, 3]).items():
    np.testing.assert_array_equal(found[name][2, 3], values)


def test_measures_by_hand():
  # Kappa: agreement 0.7, by chance 0.5 * 0.6 + 0.5 * 0.4.
  found = metrics.from_confusion(np.array([[20, 5], [10, 15]]))
  assert found['kappa'] == pytest.approx(0.4)
  # MCC: (20 * 15 - 5 * 10) / sqrt(25 * 30 * 25 * 20).
  assert found['mcc'] == pytest.approx(250 / np.sqrt(375_000))
  np.testing.assert_allclose(found['f1'], [40 / 55, 30 / 45])
  assert found['balanced_accuracy'] == pytest.approx((0.8 + 0.6) / 2)


def test_class_that_is_absent_leaves_its_measures_undefined():
  table = _table(
    [0, 0, 2, 2],
    [[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0, 0.1, 0.9], [0.1, 0, 0.9]],
  )
  found = metrics.measure(table)
  assert found['accuracy'] == 0.75
  assert np.isnan(found['balanced_accuracy'])
  for name in ('sensitivity', 'roc_auc', 'average_precision'):
    assert np.isnan(found[name]).tolist() == [False, True, False], name
  np.testing.assert_array_equal(found['specificity'], [1, 0.75, 1])
  np.testing.assert_array_equal(found['ppv'], [1, 0, 1])


def test_one_class_only_and_nothing_at_all():
  alone = metrics.measure(_table([0, 0, 0], np.eye(3)[[0, 0, 0]]))
  assert alone['accuracy'] == 1
  assert np.isnan([alone['mcc'], alone['kappa'], *alone['roc_auc']]).all()
  empty = metrics.measure(_table(np.zeros(0, int), np.zeros((0, 3))))
  assert np.isnan(np.concatenate([np.ravel(x) for x in empty.values()])).all()


def test_what_cannot_be_measured_is_refused():
  table = _table([0, 1], [[1, 0], [np.nan, 1]], ('a', 'b'))
  with pytest.raises(ValueError, match='1 of 2 rows have no label or a prob'):
    metrics.measure(table)
  table = _table([0, 5], np.eye(2), ('a', 'b'))
  for function in (metrics.measure, metrics.confusion_matrix):
    with pytest.raises(ValueError, match=r'1 of 2 labels are not in 0 to .* 5'):
      function(table)


def test_predictive_values_at_prevalences():
  prevalence = np.array([0.235, 0.05, 0.01, 0.001])
  ppv, npv = metrics.at_prevalence(0.987, 0.995, prevalence)
  np.testing.assert_allclose(100 * ppv, [98.4, 91.2, 66.6, 16.5], atol=0.05)
  # 0.995 * 0.95 / (0.995 * 0.95 + 0.013 * 0.05)
  assert npv[1] == pytest.approx(0.94525 / 0.9459)


def test_predictive_values_at_the_prevalence_of_the_table_are_its_own():
  confusion = np.array(COVID_NET_CT_2_L[0])
  measures = metrics.from_confusion(confusion)
  ppv, npv = metrics.at_prevalence(
    measures['sensitivity'],
    measures['specificity'],
    confusion.sum(axis=1) / confusion.sum(),
  )
  np.testing.assert_allclose(ppv, measures['ppv'])
  np.testing.assert_allclose(npv, measures['npv'])


def test_prevalences_at_the_ends():
  ppv, npv = metrics.at_prevalence(0.9, 1.0, np.array([0, 1]))
  np.testing.assert_array_equal(ppv, [np.nan, 1])
  np.testing.assert_array_equal(npv, [1, 0])
  with pytest.raises(ValueError, match=r'Give 5 % as 0\.05'):
    metrics.at_prevalence(0.9, 0.9, 5)
