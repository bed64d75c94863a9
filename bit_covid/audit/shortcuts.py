# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""How well the class can be predicted without looking at the lungs.

A small decision tree gets numbers that have nothing to do with the disease, and
is cross-validated by patient. Its balanced accuracy is compared with that on
labels shuffled among the patients, because with few patients it exceeds
1 / classes by chance. Of several groups of numbers one is always the best by
chance, so the best of all groups is compared with the best of each shuffle.
"""

from collections.abc import Mapping
import itertools

import numpy as np
import pandas as pd
import sklearn
from sklearn import tree

from bit_covid.analysis import predictions
from bit_covid.audit import finding
from bit_covid.audit import label_shuffles
from bit_covid.audit import slices

# Balanced accuracy above that of shuffled labels that is a warning.
_MARGIN = 0.05
# The best of all groups is a warning if it is above that of each shuffle. If it
# is not above those of the first few, more of them change nothing.
_FEW_SHUFFLES = 39
_SHUFFLES = round(1 / label_shuffles.RARE) - 1
_FOLDS = 5
_MOST_ROWS = 3000


def shortcuts(table: pd.DataFrame, *, seed: int) -> finding.Finding:
  """Returns how well each group of numbers predicts the class.

  Args:
    table: of `images.measure`, or the slices alone if no images were read.
    seed: of sampling, folds and shuffling.
  """
  problem = _problem(table)
  if problem:
    return finding.Finding('NOT CHECKED', problem)
  if len(table) > _MOST_ROWS:
    table = table.sample(_MOST_ROWS, random_state=seed).reset_index(drop=True)
  groups = _groups(table)
  for count in (_FEW_SHUFFLES, _SHUFFLES):
    shown = _scores(table, groups, count=count, seed=seed)
    above = shown[
      (shown['Balanced accuracy'] > shown['Limit'])
      & (shown['Balanced accuracy'] > shown['Shuffled'] + _MARGIN)
    ]
    if above.empty:
      break
  if above.empty:
    return finding.Finding(
      'PASSED', 'None tells the class better than by chance.', shown
    )
  best = above.loc[above['Balanced accuracy'].idxmax()]
  return finding.Finding(
    'WARNING',
    f'Who sees {best["What is seen"]} tells the class with a balanced accuracy '
    f'of {best["Balanced accuracy"]:.1%}, where shuffled labels give '
    f'{best["Shuffled"]:.1%}: a network can learn that, not the disease.',
    shown,
  )


def _problem(table: pd.DataFrame) -> str | None:
  """Returns why the slices cannot be checked; None if they can."""
  if not predictions.knows_patients(table):
    return (
      'Nobody said which slices are of one patient, and without that nothing '
      'can be cross-validated.'
    )
  patients = table.groupby('label')['patient_id'].nunique()
  if len(patients) < 2 or patients.min() < _FOLDS:
    counts = ', '.join(f'{name} {x}' for name, x in patients.items())
    return (
      f'Patients by class: {counts}; fewer than {_FOLDS} of a class tell '
      'nothing.'
    )
  return None


def _scores(
  table: pd.DataFrame,
  groups: Mapping[str, np.ndarray],
  *,
  count: int,
  seed: int,
) -> pd.DataFrame:
  """Returns a row per group of features, with its balanced accuracies."""
  # `[G, 1 + count]`, of which the first column is that of the true labels.
  scores = np.array(
    [tells(table, x, count=count, seed=seed) for x in groups.values()]
  )
  mean, spread = scores.mean(1), scores.std(1) + 1e-12
  limit = ((scores[:, 1:] - mean[:, None]) / spread[:, None]).max()
  return pd.DataFrame(
    {
      'What is seen': list(groups),
      'Balanced accuracy': scores[:, 0],
      'Shuffled': scores[:, 1:].mean(1),
      'Limit': mean + limit * spread,
    }
  )


def tells(
  table: pd.DataFrame, features: np.ndarray, *, count: int, seed: int
) -> list[float]:
  """Returns the balanced accuracy, then those on shuffled labels.

  Args:
    table: N rows with `label` and `patient_id`.
    features: `[N, F]` float64.
    count: of the shuffles.
    seed: of folds and shuffling.
  """
  patient, _ = pd.factorize(table['patient_id'])
  labels = label_shuffles.shuffles(
    table['label'], table['patient_id'], count=count, seed=seed
  )
  return [_balanced_accuracy(features, x, patient, seed=seed) for x in labels]


def _groups(table: pd.DataFrame) -> Mapping[str, np.ndarray]:
  """Returns the features of each group, `[N, F]` float64, by its name."""
  groups: dict[str, list[str]] = {}
  table = table.assign(
    box_width=table['xmax'] - table['xmin'],
    box_height=table['ymax'] - table['ymin'],
  )
  numbers = slices.numbers_in_scan(table)
  if numbers is not None:
    table = table.assign(number=numbers['number'])
    groups['the slice number'] = ['number']
  if slices.has_boxes(table):
    box = ['xmin', 'ymin', 'box_width', 'box_height']
    groups['the box around the body'] = box
  if 'height' in table:
    groups['the size of the image'] = ['height', 'width']
    groups['the mean gray value of the body but for the lungs'] = ['inside']
    groups['the mean gray value around it'] = ['outside']
  groups['all of these'] = list(
    dict.fromkeys(itertools.chain(*groups.values()))
  )
  return {
    heading: table[columns].to_numpy(np.float64)
    for heading, columns in groups.items()
    # A group that is the same for all slices cannot predict anything.
    if table[columns].nunique().max() > 1
  }


def _balanced_accuracy(
  features: np.ndarray, label: np.ndarray, patient: np.ndarray, *, seed: int
) -> float:
  predicted = np.empty_like(label)
  fold = _folds(label, patient, seed=seed)
  # All of this is done thousands of times with numbers that are known to be
  # right, and scikit-learn's checks take longer than its trees.
  features = np.ascontiguousarray(features, np.float32)
  with sklearn.config_context(skip_parameter_validation=True):
    for number in np.unique(fold):
      train, test = fold != number, fold == number
      classifier = tree.DecisionTreeClassifier(
        max_depth=4,
        min_samples_leaf=max(1, train.sum() // 100),
        random_state=seed,
      )
      classes = label[train]
      classifier.fit(
        features[train],
        classes,
        # Each class weighs as much as another.
        sample_weight=1 / np.bincount(classes)[classes],
        check_input=False,
      )
      predicted[test] = classifier.predict(features[test], check_input=False)
  # The mean of sensitivities; each class has slices.
  total = np.bincount(label)
  right = np.bincount(label[predicted == label], minlength=len(total))
  return float((right / total).mean())


def _folds(label: np.ndarray, patient: np.ndarray, *, seed: int) -> np.ndarray:
  """Returns the fold of each row, `[N]` int64.

  All rows of a patient are in one fold, and each class is spread evenly over
  the folds. scikit-learn's StratifiedGroupKFold does the same in a loop over
  patients, which is too slow for thousands of them.
  """
  _, first, row = np.unique(patient, return_index=True, return_inverse=True)
  class_of = label[first]
  generator = np.random.default_rng(seed)
  fold = np.empty(len(first), np.int64)
  for value in np.unique(class_of):
    own = np.flatnonzero(class_of == value)
    fold[generator.permutation(own)] = np.arange(len(own)) % _FOLDS
  return fold[row]
