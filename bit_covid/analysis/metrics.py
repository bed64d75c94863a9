# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Accuracy and the four measures of the paper's Table 2, per class.

Rows of a confusion matrix are the truth, columns the prediction.
"""

from collections.abc import Sequence
import math
from typing import Any

import numpy as np
import pandas as pd
from sklearn import metrics as sklearn_metrics

from bit_covid.analysis import predictions

MEASURES = ('sensitivity', 'ppv', 'specificity', 'npv')


def confusion_matrix(table: pd.DataFrame) -> np.ndarray:
  """Returns the counts `[C, C]` int64 of a predictions table.

  The prediction is the class of the largest probability, the first of them
  where several are equal.

  Raises:
    ValueError: labels or probabilities are missing; the message counts them.
  """
  probabilities = predictions.probabilities(table)
  num_classes = probabilities.shape[1]
  unusable = table['label'].isna().to_numpy() | np.isnan(probabilities).any(1)
  if unusable.any():
    raise ValueError(
      f'{unusable.sum()} of {len(table)} rows have no label or a probability '
      f'that is not a number, such as {table["slice_id"][unusable].iloc[0]!r}.'
      ' Metrics over the rest would not be those of the split.'
    )
  return sklearn_metrics.confusion_matrix(
    table['label'].to_numpy(np.int64),
    probabilities.argmax(axis=1),
    labels=np.arange(num_classes),
  )


def accuracy(confusion: np.ndarray) -> float:
  """Returns the share of slices on the diagonal; NaN of no slices."""
  return _ratio(np.trace(confusion), confusion.sum())


def per_class(confusion: np.ndarray) -> dict[str, np.ndarray]:
  """Returns `[C]` float64 for each of `MEASURES`, one class against the rest.

  NaN where a measure is undefined: the sensitivity of a class without slices,
  the PPV of one that was never predicted.
  """
  true_positive = np.diag(confusion)
  false_negative = confusion.sum(axis=1) - true_positive
  false_positive = confusion.sum(axis=0) - true_positive
  true_negative = (
    confusion.sum() - true_positive - false_negative - false_positive
  )
  parts = {
    'sensitivity': (true_positive, false_negative),
    'ppv': (true_positive, false_positive),
    'specificity': (true_negative, false_positive),
    'npv': (true_negative, false_negative),
  }
  return {
    name: np.array(
      [_ratio(a, a + b) for a, b in zip(right, wrong, strict=True)]
    )
    for name, (right, wrong) in parts.items()
  }


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


def _ratio(part: float, whole: float) -> float:
  return float(part / whole) if whole else math.nan
