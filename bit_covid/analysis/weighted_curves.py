# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Areas under the curves of one class, for many weightings at once.

Slices are sorted by probability once; the areas are then sums along that order.
"""

import dataclasses

import numpy as np

from bit_covid.analysis import metrics


@dataclasses.dataclass(frozen=True)
class Curve:
  """One class against the rest, slices sorted by falling probability.

  With G distinct probabilities among the slices of the class:

  Attributes:
    positive: the patient of each slice of the class, `[N+]`.
    negative: the patient of each other slice, `[N-]`.
    last_positive: number of slices of the class with at least each of these
      probabilities, `[G]`.
    first_negative: number of other slices with more, `[G]`.
    last_negative: number of other slices with at least as much, `[G]`.
  """

  positive: np.ndarray
  negative: np.ndarray
  last_positive: np.ndarray
  first_negative: np.ndarray
  last_negative: np.ndarray

  def areas(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns ROC AUC and average precision, `[B]` each, for weights `[P, B]`.

    Both equal those of scikit-learn with `sample_weight`: slices of equal
    probability form one step, across which the ROC curve is a straight line.
    """
    zero = np.zeros((1, weights.shape[1]))
    # Weights are whole numbers, so float64 sums them exactly.
    true_positives = np.cumsum(weights[self.positive], axis=0)
    false_positives = np.concatenate([zero, weights[self.negative]])
    np.cumsum(false_positives, axis=0, out=false_positives)
    hits = true_positives[self.last_positive - 1]
    alarms = false_positives[self.last_negative]
    step = np.diff(hits, axis=0, prepend=zero)
    positives, negatives = step.sum(axis=0), false_positives[-1]
    below = negatives - (false_positives[self.first_negative] + alarms) / 2
    called = hits + alarms
    # Where nothing is called, there are no hits either.
    precision = hits / np.maximum(called, 1)
    return (
      metrics.ratio((step * below).sum(axis=0), positives * negatives),
      metrics.ratio((step * precision).sum(axis=0), positives),
    )


def make_curve(
  is_class: np.ndarray, probability: np.ndarray, patient: np.ndarray
) -> Curve | None:
  """Returns the curve of one class, None where it has all slices or none.

  Arguments are `[N]`; `patient` is the index of each slice's patient.
  """
  if is_class.all() or not is_class.any():
    return None
  order = np.argsort(-probability, kind='stable')
  # Ascending, as searchsorted needs it.
  score = -probability[order]
  is_class, patient = is_class[order], patient[order]
  positive, negative = score[is_class], score[~is_class]
  steps = np.unique(positive)
  return Curve(
    positive=patient[is_class],
    negative=patient[~is_class],
    last_positive=np.searchsorted(positive, steps, side='right'),
    first_negative=np.searchsorted(negative, steps, side='left'),
    last_negative=np.searchsorted(negative, steps, side='right'),
  )
