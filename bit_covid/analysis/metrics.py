# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What is measured: counts, measures of them, and areas under curves.

Rows of a confusion matrix are the truth, columns the prediction. What is
undefined is NaN: the sensitivity of a class without slices, the PPV of one that
was never predicted, the balanced accuracy where a class is absent, MCC where
truth or prediction knows one class only, kappa where both know the same one.
scikit-learn gives some of these as 0 with a warning; a table should not show a
0 that was not measured.
"""

from collections.abc import Sequence
import math
from typing import Any

import numpy as np
import pandas as pd
from sklearn import metrics as sklearn_metrics

from bit_covid.analysis import predictions

MEASURES = ('sensitivity', 'ppv', 'specificity', 'npv')
OVERALL = ('accuracy', 'balanced_accuracy', 'mcc', 'kappa')
PER_CLASS = (
  'sensitivity',
  'specificity',
  'ppv',
  'npv',
  'f1',
  'roc_auc',
  'average_precision',
)


def labelled(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
  """Returns labels `[N]` int64 and probabilities `[N, C]` float64 of a table.

  Raises:
    ValueError: a label or a probability is missing, or a label is none of the
      table's classes; the message counts the rows.
  """
  probabilities = predictions.probabilities(table)
  unusable = table['label'].isna().to_numpy() | np.isnan(probabilities).any(1)
  if unusable.any():
    raise ValueError(
      f'{unusable.sum()} of {len(table)} rows have no label or a probability '
      f'that is not a number, such as {table["slice_id"][unusable].iloc[0]!r}.'
      ' Metrics over the rest would not be those of the split.'
    )
  label = table['label'].to_numpy(np.int64)
  _check_labels(label, probabilities)
  return label, probabilities


def confusion_matrix(table: pd.DataFrame) -> np.ndarray:
  """Returns the counts `[C, C]` int64 of a predictions table.

  The prediction is the class of the largest probability, the first of them
  where several are equal.

  Raises:
    ValueError: labels or probabilities are missing; the message counts them.
  """
  return _counts(*labelled(table))


def accuracy(confusion: np.ndarray) -> float:
  """Returns the share of slices on the diagonal; NaN of no slices."""
  return float(from_confusion(confusion)['accuracy'])


def per_class(confusion: np.ndarray) -> dict[str, np.ndarray]:
  """Returns `[C]` float64 for each of `MEASURES`, one class against the rest.

  NaN where a measure is undefined: the sensitivity of a class without slices,
  the PPV of one that was never predicted.
  """
  measures = from_confusion(confusion)
  return {name: measures[name] for name in MEASURES}


def from_confusion(confusion: np.ndarray) -> dict[str, np.ndarray]:
  """Returns all measures of `[..., C, C]` counts but the areas under curves.

  Those of `OVERALL` are `[...]` float64, those of `PER_CLASS` `[..., C]`. The
  leading axes are for many matrices at once, as a bootstrap has them.
  """
  confusion = np.asarray(confusion, np.float64)
  total = confusion.sum(axis=(-2, -1))
  true = confusion.sum(axis=-1)
  predicted = confusion.sum(axis=-2)
  hit = np.diagonal(confusion, axis1=-2, axis2=-1)
  hits = hit.sum(axis=-1)
  rest = total[..., np.newaxis] - true - predicted + hit
  sensitivity = ratio(hit, true)
  # Gorodkin's R_K, MCC of any number of classes, and Cohen's kappa.
  chance = (true * predicted).sum(axis=-1)
  spread_true = total**2 - (true**2).sum(axis=-1)
  spread_predicted = total**2 - (predicted**2).sum(axis=-1)
  covariance = hits * total - chance
  return {
    'accuracy': ratio(hits, total),
    'balanced_accuracy': sensitivity.mean(axis=-1),
    'mcc': ratio(covariance, np.sqrt(spread_true * spread_predicted)),
    'kappa': ratio(covariance, total**2 - chance),
    'sensitivity': sensitivity,
    'specificity': ratio(rest, total[..., np.newaxis] - true),
    'ppv': ratio(hit, predicted),
    'npv': ratio(rest, total[..., np.newaxis] - predicted),
    'f1': ratio(2 * hit, true + predicted),
  }


def measure(
  label: np.ndarray, probabilities: np.ndarray
) -> dict[str, float | np.ndarray]:
  """Returns what `OVERALL` (float) and `PER_CLASS` (`[C]` float64) name.

  Args:
    label: `[N]` int.
    probabilities: `[N, C]` float64. The prediction is the class of the largest,
      the first of them where several are equal.

  Raises:
    ValueError: a probability is NaN or a label is no class's number.
  """
  if np.isnan(probabilities).any():
    raise ValueError(
      f'{np.isnan(probabilities).any(axis=1).sum()} of {len(label)} rows have '
      'a probability that is not a number. Metrics over the rest would not be '
      'those of the split.'
    )
  _check_labels(label, probabilities)
  measures = from_confusion(_counts(label, probabilities))
  areas = {
    'roc_auc': sklearn_metrics.roc_auc_score,
    'average_precision': sklearn_metrics.average_precision_score,
  }
  for name, area in areas.items():
    measures[name] = np.array(
      [
        # Without slices of both kinds there is no curve.
        area(label == i, probabilities[:, i])
        if 0 < np.count_nonzero(label == i) < len(label)
        else math.nan
        for i in range(probabilities.shape[1])
      ]
    )
  return {name: float(measures[name]) for name in OVERALL} | {
    name: measures[name] for name in PER_CLASS
  }


def at_prevalence(
  sensitivity: float | np.ndarray,
  specificity: float | np.ndarray,
  prevalence: float | np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
  """Returns PPV and NPV where a share `prevalence` has the disease.

  Bayes' rule; sensitivity and specificity are taken to be the same there. All
  are shares in [0, 1] and broadcast.

  Raises:
    ValueError: a prevalence is not in [0, 1].
  """
  sensitivity, specificity, prevalence = np.broadcast_arrays(
    *(np.asarray(x, np.float64) for x in (sensitivity, specificity, prevalence))
  )
  if not ((prevalence >= 0) & (prevalence <= 1)).all():
    raise ValueError(
      f'Prevalence {prevalence.tolist()} is not a share in [0, 1]. Give 5 % as '
      '0.05.'
    )
  true_positive = sensitivity * prevalence
  false_positive = (1 - specificity) * (1 - prevalence)
  true_negative = specificity * (1 - prevalence)
  false_negative = (1 - sensitivity) * prevalence
  return (
    ratio(true_positive, true_positive + false_positive),
    ratio(true_negative, true_negative + false_negative),
  )


def summary(
  confusion: np.ndarray, class_names: Sequence[str]
) -> dict[str, Any]:
  """Returns the metrics as plain Python values for JSON; undefined is None."""
  measures = {
    name: {
      class_name: None if math.isnan(value) else float(value)
      for class_name, value in zip(class_names, values, strict=True)
    }
    for name, values in per_class(confusion).items()
  }
  return {
    'slices': int(confusion.sum()),
    'accuracy': accuracy(confusion),
    **measures,
    'class_names': list(class_names),
    'confusion_matrix': confusion.tolist(),
  }


def _counts(label: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
  num_classes = probabilities.shape[1]
  flat = label * num_classes + probabilities.argmax(axis=1)
  return np.bincount(flat, minlength=num_classes**2).reshape(
    num_classes, num_classes
  )


def _check_labels(label: np.ndarray, probabilities: np.ndarray) -> None:
  num_classes = probabilities.shape[1]
  wrong = (label < 0) | (label >= num_classes)
  if wrong.any():
    raise ValueError(
      f'{wrong.sum()} of {len(label)} labels are none of 0 to '
      f'{num_classes - 1}, such as {label[wrong][0]}. Labels are the numbers '
      'of the classes in the order of the columns.'
    )


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
  """Returns part / whole, NaN where the whole is 0."""
  result = np.full(np.shape(part), math.nan)
  # A scalar of scalars, as other functions of numpy give.
  return np.divide(part, whole, out=result, where=whole != 0)[()]
