# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Intervals of measures that follow from others, by MOVER.

Balanced accuracy, MCC, kappa, predictive values and F1 follow from
sensitivities and specificities, average precision from the area under the ROC
curve.
"""

import math

import numpy as np

from bit_covid.analysis import interval as interval_lib
from bit_covid.analysis import metrics
from bit_covid.analysis import mover
from bit_covid.analysis import ratios

Interval = interval_lib.Interval


def predictive_values(
  sensitivity: Interval,
  specificity: Interval,
  prevalence: float | np.ndarray,
) -> tuple[Interval, Interval]:
  """Returns PPV and NPV at a prevalence, which is a share and is broadcast."""
  values = metrics.at_prevalence(
    sensitivity.value, specificity.value, prevalence
  )
  # At a prevalence of 1/2.
  ppv = mover.part_of_sum(sensitivity, specificity.complement())
  npv = mover.part_of_sum(specificity, sensitivity.complement())
  return (
    Interval(values[0], *(_restated(x, prevalence) for x in ppv[1:])),
    Interval(values[1], *(_restated(x, 1 - prevalence) for x in npv[1:])),
  )


def _restated(
  share: float | np.ndarray, prevalence: float | np.ndarray
) -> np.ndarray:
  """Returns a predictive value at a prevalence, from that at 1/2."""
  right = share * prevalence
  return ratios.ratio(right, right + (1 - share) * (1 - prevalence))


def balanced_accuracy(sensitivity: Interval) -> Interval:
  """Returns the mean of the sensitivities `[C]`."""
  mean, count = sensitivity.value.mean(), len(sensitivity.value)
  lows, highs = (
    mean + (bound - sensitivity.value) / count for bound in sensitivity[1:]
  )
  return mover.combined(mean, lows, highs)


def chance_corrected(
  confusion: np.ndarray, sensitivity: Interval
) -> dict[str, Interval]:
  """Returns MCC and kappa, which change with each class's sensitivity."""
  values = metrics.from_confusion(confusion)
  bounds = [
    metrics.from_confusion(
      [_with_sensitivity(confusion, i, x) for i, x in enumerate(bound)]
    )
    for bound in sensitivity[1:]
  ]
  return {
    name: mover.combined(values[name], *(x[name] for x in bounds))
    for name in ('mcc', 'kappa')
  }


def _with_sensitivity(
  confusion: np.ndarray, index: int, wanted: float
) -> np.ndarray:
  """Returns `[C, C]` counts with another sensitivity of one class.

  Its errors are spread as they are, or, if there are none, by the sizes of the
  other classes. A class without slices has no sensitivity and stays as it is.
  """
  if math.isnan(wanted):
    return confusion
  total = confusion[index].sum()
  errors = confusion[index].copy()
  errors[index] = 0
  if not errors.any():
    errors = confusion.sum(axis=1)
    errors[index] = 0
  changed = confusion.copy()
  changed[index] = total * (1 - wanted) * ratios.ratio(errors, errors.sum())
  changed[index, index] = total * wanted
  return changed


def f1(
  sensitivity: Interval, specificity: Interval, prevalence: np.ndarray
) -> Interval:
  """Returns F1, which is 2 / (1 + (1 + false alarms by slices) / hit rate)."""
  odds = ratios.ratio(1 - prevalence, prevalence)
  called = Interval(*(1 + odds * x for x in specificity.complement()))
  return Interval(*(2 * x for x in mover.part_of_sum(sensitivity, called)))


def average_precision(
  value: float, area: float, other: np.ndarray, prevalence: float
) -> np.ndarray:
  """Returns the average precision where the area under ROC is another.

  The odds of an error in it change as those in the area do. Without an error in
  the area there are no odds; then those of the prevalence are taken.
  """
  if area == 1:
    return _restated(other, prevalence)
  factor = ratios.ratio((1 - other) * area, other * (1 - area))
  return np.where(other > 0, value / (value + (1 - value) * factor), 0.0)
