# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Confusion matrices, the measures derived from them, and areas under curves.

An undefined measure is NaN, such as the sensitivity of a class without slices.
scikit-learn returns 0 with a warning for some of these, but a table should not
show a 0 that was not measured. Rows of a confusion matrix are the true classes.
"""

from collections.abc import Mapping, Sequence
import json
import math
import pathlib
from typing import Any

import numpy as np
import pandas as pd
from sklearn import metrics as sklearn_metrics

from bit_covid.analysis import predictions
from bit_covid.analysis import ratios
from bit_covid.base import files

# Those of `summary`.
MEASURES = ('sensitivity', 'ppv', 'specificity', 'npv')
OVERALL = ('accuracy', 'balanced_accuracy', 'mcc', 'kappa')
_AREAS = {
  'roc_auc': sklearn_metrics.roc_auc_score,
  'average_precision': sklearn_metrics.average_precision_score,
}
# All except the slow areas under curves.
FROM_CONFUSION = (*OVERALL, 'sensitivity', 'specificity', 'ppv', 'npv', 'f1')
PER_CLASS = (*FROM_CONFUSION[len(OVERALL) :], *_AREAS)


def confusion_matrix(table: pd.DataFrame) -> np.ndarray:
  """Returns the confusion matrix of a predictions table, `[C, C]` int64.

  The predicted class is the one of the largest probability, the first if
  several are equal.
  """
  label, probabilities = predictions.labelled(table)
  num_classes = probabilities.shape[1]
  flat = label * num_classes + probabilities.argmax(axis=1)
  counts = np.bincount(flat, minlength=num_classes**2)
  return counts.reshape(num_classes, num_classes)


def from_confusion(confusion: np.ndarray) -> dict[str, np.ndarray]:
  """Returns the measures `FROM_CONFUSION` of `[..., C, C]` counts.

  The measures of `OVERALL` are `[...]` float64, the others `[..., C]`. The
  leading axes hold the matrices of several runs or patients.
  """
  confusion = np.asarray(confusion, np.float64)
  total = confusion.sum(axis=(-2, -1))
  true = confusion.sum(axis=-1)
  predicted = confusion.sum(axis=-2)
  hit = np.diagonal(confusion, axis1=-2, axis2=-1)
  hits = hit.sum(axis=-1)
  rest = total[..., np.newaxis] - true - predicted + hit
  sensitivity = ratios.ratio(hit, true)
  # Gorodkin's R_K, MCC of any number of classes, and Cohen's kappa.
  chance = (true * predicted).sum(axis=-1)
  spread_true = total**2 - (true**2).sum(axis=-1)
  spread_predicted = total**2 - (predicted**2).sum(axis=-1)
  covariance = hits * total - chance
  return {
    'accuracy': ratios.ratio(hits, total),
    'balanced_accuracy': sensitivity.mean(axis=-1),
    'mcc': ratios.ratio(covariance, np.sqrt(spread_true * spread_predicted)),
    'kappa': ratios.ratio(covariance, total**2 - chance),
    'sensitivity': sensitivity,
    'specificity': ratios.ratio(rest, total[..., np.newaxis] - true),
    'ppv': ratios.ratio(hit, predicted),
    'npv': ratios.ratio(rest, total[..., np.newaxis] - predicted),
    'f1': ratios.ratio(2 * hit, true + predicted),
  }


def measure(table: pd.DataFrame) -> dict[str, float | np.ndarray]:
  """Returns the measures of `OVERALL` (float) and `PER_CLASS` (`[C]`)."""
  label, probabilities = predictions.labelled(table)
  measures = from_confusion(confusion_matrix(table))
  for name, area in _AREAS.items():
    measures[name] = np.array(
      [
        # A curve needs slices of the class and of the rest.
        area(label == i, probabilities[:, i])
        if 0 < np.count_nonzero(label == i) < len(label)
        else math.nan
        for i in range(probabilities.shape[1])
      ]
    )
  return measures | {name: float(measures[name]) for name in OVERALL}


def at_prevalence(
  sensitivity: float | np.ndarray,
  specificity: float | np.ndarray,
  prevalence: float | np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
  """Returns PPV and NPV at another prevalence, by Bayes' rule.

  Sensitivity and specificity are assumed to stay the same. All arguments are
  shares in [0, 1] and are broadcast.

  Raises:
    ValueError: a prevalence is not in [0, 1].
  """
  prevalence = np.asarray(prevalence, np.float64)
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
    ratios.ratio(true_positive, true_positive + false_positive),
    ratios.ratio(true_negative, true_negative + false_negative),
  )


def summary(
  confusion: np.ndarray, class_names: Sequence[str]
) -> dict[str, Any]:
  """Returns the measures as plain values for JSON, None where undefined."""
  found = from_confusion(confusion)
  measures = {
    name: {
      class_name: None if math.isnan(value) else float(value)
      for class_name, value in zip(class_names, found[name], strict=True)
    }
    for name in MEASURES
  }
  return {
    'slices': int(confusion.sum()),
    'accuracy': float(found['accuracy']),
    **measures,
    'class_names': list(class_names),
    'confusion_matrix': confusion.tolist(),
  }


def read_json(workdir: pathlib.Path) -> dict[str, Any]:
  """Returns report/metrics.json of a run by split; {} if there is no file."""
  return files.read_json(workdir / 'report' / 'metrics.json') or {}


def update_json(workdir: pathlib.Path, numbers: Mapping[str, Any]) -> None:
  """Replaces the numbers of the given splits and keeps those of the others.

  An undefined number is None; NaN raises a ValueError.
  """
  path = workdir / 'report' / 'metrics.json'
  found = {**read_json(workdir), **numbers}
  text = json.dumps(found, indent=2, allow_nan=False) + '\n'
  path.parent.mkdir(parents=True, exist_ok=True)
  files.write(path, text.encode())
