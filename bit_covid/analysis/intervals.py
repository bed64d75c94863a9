# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Intervals of every measure, over patients.

docs/report.md describes them and how often they cover the truth. The number of
patients and slices of each class counts as chosen, as it is in a test split.
Of several runs of one setting, the interval is that of their mean. There are
too few seeds for an interval of their own; the extremes show their effect.
"""

from collections.abc import Sequence
import math
from typing import NamedTuple

import numpy as np
import pandas as pd

from bit_covid.analysis import aggregation
from bit_covid.analysis import derived_intervals
from bit_covid.analysis import interval as interval_lib
from bit_covid.analysis import mover
from bit_covid.analysis import patient_counts
from bit_covid.analysis import proportion_interval

Interval = interval_lib.Interval
# The smallest value of a measure, where it is not 0; the largest is 1.
_SMALLEST = {'mcc': -1.0, 'kappa': -1.0}


class Repeated(NamedTuple):
  """A mean over runs, its interval, and the extremes; floats or `[C]`."""

  value: float | np.ndarray
  low: float | np.ndarray
  high: float | np.ndarray
  smallest: float | np.ndarray
  largest: float | np.ndarray


def intervals(
  table: pd.DataFrame, *, with_areas: bool = True
) -> dict[str, Interval]:
  """Returns value and interval of every measure of `metrics.measure`.

  The areas under curves are slow; `with_areas=False` leaves them out.
  """
  return of_counts(patient_counts.make(table, with_areas=with_areas))


def of_counts(found: patient_counts.PatientCounts) -> dict[str, Interval]:
  """Returns value and interval of each measure of the counts."""
  accuracy, sensitivity, specificity = _shares(found.counts)
  prevalence = found.slices.sum(axis=0) / max(found.num_slices, 1)
  ppv, npv = derived_intervals.predictive_values(
    sensitivity, specificity, prevalence
  )
  result = {
    'accuracy': accuracy,
    'balanced_accuracy': derived_intervals.balanced_accuracy(sensitivity),
    **derived_intervals.chance_corrected(found.counts.sum(axis=0), sensitivity),
    'sensitivity': sensitivity,
    'specificity': specificity,
    'ppv': ppv,
    'npv': npv,
    'f1': derived_intervals.f1(sensitivity, specificity, prevalence),
  }
  if found.placements is not None:
    result |= _areas(found)
  return {
    name: _around(value, result[name], _SMALLEST.get(name, 0.0))
    for name, value in found.values.items()
  }


def repeated(
  runs: Sequence[patient_counts.PatientCounts],
) -> dict[str, Repeated]:
  """Returns mean, interval, smallest and largest run of each measure.

  The mean of a measure that is undefined in one of the runs is NaN.
  """
  result = {}
  for name, found in of_counts(patient_counts.mean(runs)).items():
    each = [run.values[name] for run in runs]
    extremes = np.min(each, axis=0), np.max(each, axis=0)
    result[name] = Repeated(*found, *extremes)
  return result


def mean_interval(
  table: pd.DataFrame, values: np.ndarray, *, largest: float
) -> Interval:
  """Returns the mean of a quantity that every slice has, and its interval.

  Args:
    table: of N slices, of which only `label` and `patient_id` are read.
    values: from 0 to the largest value, `[N]` float64.
    largest: the largest value that a slice can have.

  Raises:
    ValueError: labels are missing.
  """
  missing = table['label'].isna().sum()
  if missing:
    raise ValueError(
      f'{missing} of {len(table)} slices have no label; the patients of each '
      'class are counted. Give every slice its class.'
    )
  label = table['label'].to_numpy(np.int64)
  patient, names = aggregation.patient_indices(table)
  slices = np.zeros((len(names), label.max(initial=0) + 1))
  np.add.at(slices, (patient, label), 1)
  sums = np.bincount(patient, values / largest, len(names))
  share = _share(np.minimum(sums, slices.sum(axis=1)), slices)
  mean = float(np.mean(values)) if len(values) else math.nan
  return Interval(mean, float(largest * share.low), float(largest * share.high))


def _shares(counts: np.ndarray) -> tuple[Interval, Interval, Interval]:
  """Returns accuracy, sensitivities and specificities of `[P, C, C]`."""
  slices, classes = counts.sum(axis=2), range(counts.shape[1])
  accuracy = _share(np.trace(counts, axis1=1, axis2=2), slices)
  sensitivity, specificity = [], []
  for i in classes:
    others = [k for k in classes if k != i]
    sensitivity.append(_share(counts[:, i, i], slices[:, [i]]))
    rest = counts[:, others][:, :, others].sum(axis=(1, 2))
    specificity.append(_share(rest, slices[:, others]))
  return (
    Interval(*map(float, accuracy)),
    interval_lib.stacked(sensitivity),
    interval_lib.stacked(specificity),
  )


def _share(hits: np.ndarray, slices: np.ndarray) -> Interval:
  """Returns the share of hits `[P]` in slices `[P, K]` of K classes.

  A patient counts for the class of most of its slices, the first of equals.
  """
  has_any = slices.any(axis=1)
  slices = slices[has_any]
  stratum = slices.argmax(axis=1) if slices.size else np.zeros(0, int)
  return proportion_interval.interval(
    hits[has_any], slices.sum(axis=1), stratum
  )


def _areas(found: patient_counts.PatientCounts) -> dict[str, Interval]:
  """Returns ROC AUC and average precision of each class, `[C]`."""
  roc_auc, average_precision = [], []
  for i in range(found.counts.shape[1]):
    inside = found.slices[:, [i]]
    outside = np.delete(found.slices, i, axis=1)
    # DeLong's variance is the sum of those of the two kinds of placements.
    pairs = zip(found.placements[:, i].T, (inside, outside), strict=True)
    sides = interval_lib.stacked([_share(*pair) for pair in pairs])
    is_known = inside.any() and outside.any()
    area = sides.value[0] if is_known else math.nan
    roc_auc.append(mover.combined(area, sides.low, sides.high))
    precision = found.values['average_precision'][i]
    prevalence = inside.sum() / max(found.num_slices, 1)
    lows, highs = (
      derived_intervals.average_precision(precision, area, bound, prevalence)
      for bound in sides[1:]
    )
    average_precision.append(mover.combined(precision, lows, highs))
  return {
    'roc_auc': interval_lib.stacked(roc_auc),
    'average_precision': interval_lib.stacked(average_precision),
  }


def _around(
  value: float | np.ndarray, found: Interval, smallest: float
) -> Interval:
  """Returns the interval moved to a value, within the range of the measure.

  A mean of measures over runs is not that of their mean counts.
  """
  low, high = (
    np.clip(value + (bound - found.value), smallest, 1.0) for bound in found[1:]
  )
  if np.ndim(value) == 0:
    return Interval(float(value), float(low), float(high))
  return Interval(np.asarray(value), low, high)
