# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Thresholds on the probability of one class, and ROC and PR curves.

A slice is positive if its probability is at least the threshold. A threshold is
chosen on one split and measured on another. Measured on the split on which it
was chosen, it would look better than it is.
"""

import math
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn import metrics as sklearn_metrics

from bit_covid.analysis import interval as interval_lib
from bit_covid.analysis import intervals
from bit_covid.analysis import patient_counts
from bit_covid.analysis import predictions

SENSITIVITIES = 0.9, 0.95, 0.99
MEASURES = ('sensitivity', 'specificity', 'ppv', 'npv')


class Curve(NamedTuple):
  """The points of a curve, `[K]` float64 each, K of 0 where it is undefined."""

  x: np.ndarray
  y: np.ndarray


_UNDEFINED = Curve(np.empty(0), np.empty(0))


def threshold(table: pd.DataFrame, class_name: str, wanted: float) -> float:
  """Returns the largest threshold with at least the wanted sensitivity.

  It is NaN if the table has no slice of the class.

  Raises:
    ValueError: the sensitivity is not in (0, 1].
  """
  if not 0 < wanted <= 1:
    raise ValueError(
      f'A sensitivity of {wanted} is wanted; expected a share above 0 and at '
      'most 1. Give 95 % as 0.95.'
    )
  is_class, probability = _one_class(table, class_name)
  positive = np.sort(probability[is_class])[::-1]
  if not len(positive):
    return math.nan
  # 0.29 * 100 is slightly more than 29 in float64, but 29 slices suffice.
  return float(positive[math.ceil(wanted * len(positive) - 1e-9) - 1])


def threshold_range(
  table: pd.DataFrame, class_name: str, wanted: float
) -> interval_lib.Interval:
  """Returns the threshold of `threshold` and its interval over patients.

  The bounds are the thresholds at the bounds of the sensitivity that was
  reached (Woodruff, Journal of the American Statistical Association 47, 1952).
  """
  value = threshold(table, class_name, wanted)
  if math.isnan(value):
    return interval_lib.Interval(value, math.nan, math.nan)
  reached = at_threshold(table, class_name, value)['sensitivity']
  bounds = (
    threshold(table, class_name, x) for x in (reached.high, reached.low)
  )
  return interval_lib.Interval(value, *bounds)


def at_threshold(
  table: pd.DataFrame, class_name: str, value: float
) -> dict[str, interval_lib.Interval]:
  """Returns `MEASURES` of one class at a threshold, with their intervals.

  Patients count for their class among all classes, so that a sensitivity has
  the interval that it has in a table of these classes.
  """
  is_class, probability = _one_class(table, class_name)
  names = predictions.class_names(table)
  index = names.index(class_name)
  label = table['label'].to_numpy(np.int64)
  # Which other class gets a slice that is not called does not matter.
  choices = [index, (index + 1) % len(names)]
  given = np.select([probability >= value, is_class], choices, label)
  called = predictions.make_table(
    slice_id=table['slice_id'],
    patient_id=table['patient_id'],
    source=table['source'],
    label=label,
    probabilities=np.eye(len(names))[given],
    class_names=names,
  )
  found = intervals.of_counts(patient_counts.make(called, with_areas=False))
  return {
    name: interval_lib.Interval(*(float(x[index]) for x in found[name]))
    for name in MEASURES
  }


def roc_curve(table: pd.DataFrame, class_name: str) -> Curve:
  """Returns 1 - specificity (x) and sensitivity (y), one class to the rest."""
  is_class, probability = _one_class(table, class_name)
  if is_class.all() or not is_class.any():
    return _UNDEFINED
  x, y, _ = sklearn_metrics.roc_curve(is_class, probability)
  return Curve(x, y)


def precision_recall_curve(table: pd.DataFrame, class_name: str) -> Curve:
  """Returns sensitivity (x) and PPV (y) of one class against the rest."""
  is_class, probability = _one_class(table, class_name)
  if is_class.all() or not is_class.any():
    return _UNDEFINED
  y, x, _ = sklearn_metrics.precision_recall_curve(
    is_class, probability, drop_intermediate=True
  )
  return Curve(x, y)


def _one_class(
  table: pd.DataFrame, class_name: str
) -> tuple[np.ndarray, np.ndarray]:
  names = predictions.class_names(table)
  if class_name not in names:
    raise ValueError(
      f'No class {class_name!r} in the table. Known: {", ".join(names)}.'
    )
  label, probabilities = predictions.labelled(table)
  index = names.index(class_name)
  return label == index, probabilities[:, index]
