# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Confidence intervals of every measure, by a bootstrap over patients.

The slices of a patient resemble each other, so whole patients are resampled,
within each class. docs/report.md describes the intervals and their coverage.
"""

from collections.abc import Mapping
import math
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.special

from bit_covid.analysis import metrics
from bit_covid.analysis import predictions
from bit_covid.analysis import resampling

# The level of all intervals, and how tables and pages name it.
LEVEL = 0.95
LEVEL_TEXT = f'{100 * LEVEL:g} %'
NUM_RESAMPLES = resampling.NUM_RESAMPLES
# The power at which a difference counts as detectable.
_POWER = 0.8


class Interval(NamedTuple):
  """A measure and the bounds of its interval; floats or `[C]` float64."""

  value: float | np.ndarray
  low: float | np.ndarray
  high: float | np.ndarray


class Difference(NamedTuple):
  """B minus A, its interval, and the smallest detectable true difference."""

  value: float | np.ndarray
  low: float | np.ndarray
  high: float | np.ndarray
  smallest_detectable: float | np.ndarray


def intervals(
  table: pd.DataFrame,
  *,
  num_resamples: int = NUM_RESAMPLES,
  seed: int = 0,
  with_areas: bool = True,
) -> dict[str, Interval]:
  """Returns value and interval of every measure of `metrics.measure`.

  The bounds are NaN in these cases:

  - The measure is undefined on the table, or in more than 5 % of the
    resamples.
  - It is the same in all resamples, as in a run without any error.
  - A class has a single patient, which resampling cannot vary. Only the
    sensitivities of the other classes have bounds then.

  The areas under curves are slow; `with_areas=False` leaves them out.
  """
  sample = resampling.make_sample(table, with_areas=with_areas)
  (resampled,) = resampling.resample(
    [sample], num_resamples=num_resamples, seed=seed
  )
  if with_areas:
    values = metrics.measure(*metrics.labelled(table))
  else:
    values = metrics.from_confusion(sample.counts.sum(axis=0))
  return {
    name: make_interval(value, resampled[name], sample=sample, measure=name)
    for name, value in values.items()
  }


def mean_intervals(
  table: pd.DataFrame,
  values: Mapping[str, np.ndarray],
  *,
  num_resamples: int = NUM_RESAMPLES,
  seed: int = 0,
) -> dict[str, Interval]:
  """Returns mean and interval of quantities that every slice has.

  The resamples are those of `intervals`, and bounds are NaN in the same cases.
  `values` are `[N]` float64 by name. Of the N rows of the table, only `label`
  and `patient_id` are read.
  """
  totals = resampling.make_totals(table, np.stack([*values.values()], axis=1))
  (resampled,) = resampling.resample(
    [totals], num_resamples=num_resamples, seed=seed
  )
  result = {}
  for (name, each), means in zip(
    values.items(), resampled['mean'].T, strict=True
  ):
    mean = float(np.mean(each)) if len(each) else math.nan
    result[name] = make_interval(mean, means, sample=totals, measure='mean')
  return result


def difference(
  table_a: pd.DataFrame,
  table_b: pd.DataFrame,
  *,
  num_resamples: int = NUM_RESAMPLES,
  seed: int = 0,
) -> dict[str, Difference]:
  """Returns B minus A of every measure, with the same resamples for both.

  Bounds are NaN as in `intervals`. Predictions tables of different classes,
  slices, labels or patients raise a ValueError; their order may differ.
  """
  tables = table_a, predictions.align(table_a, table_b)
  samples = [resampling.make_sample(table) for table in tables]
  resampled_a, resampled_b = resampling.resample(
    samples, num_resamples=num_resamples, seed=seed
  )
  values_a, values_b = (
    metrics.measure(*metrics.labelled(table)) for table in tables
  )
  return {
    name: make_difference(
      values_b[name] - values_a[name],
      resampled_b[name] - resampled_a[name],
      sample=samples[0],
      measure=name,
    )
    for name in values_a
  }


def make_interval(
  value: float | np.ndarray,
  resampled: np.ndarray,
  *,
  sample: resampling.Sample | resampling.Totals,
  measure: str,
) -> Interval:
  """Returns a measure with its bounds, which are NaN as in `intervals`.

  Args:
    value: the measure of the sample itself, a float or `[C]`.
    resampled: the measure of each resample, `[R]` or `[R, C]`.
    sample: the patients that were resampled.
    measure: its name in `metrics.measure`, or 'mean' for a mean over slices.
  """
  count = sample.effective_patients(measure)
  if resampled.ndim == 1:
    return Interval(value, *_percentiles(resampled, value, count))
  counts = np.broadcast_to(count, len(value))
  each = zip(resampled.T, value, counts, strict=True)
  return Interval(value, *np.transpose([_percentiles(*one) for one in each]))


def make_difference(
  value: float | np.ndarray,
  resampled: np.ndarray,
  *,
  sample: resampling.Sample,
  measure: str,
) -> Difference:
  """Returns a difference; the arguments are those of `make_interval`.

  `smallest_detectable` is the true difference that such a comparison tells from
  0 in 80 % of repetitions: (z + z') / z half-widths of the interval, where z is
  the normal quantile at 0.975 and z' that at 0.8. That is 1.43 half-widths.
  """
  _, low, high = make_interval(value, resampled, sample=sample, measure=measure)
  z = scipy.special.ndtri((1 + LEVEL) / 2)
  detectable = (z + scipy.special.ndtri(_POWER)) / z * (high - low) / 2
  return Difference(value, low, high, detectable)


def _percentiles(
  resampled: np.ndarray, value: float, count: float
) -> tuple[float, float]:
  """Returns the bounds from `[R]` resampled values of `count` patients."""
  defined = resampled[~np.isnan(resampled)]
  # Not `count <= 1`: the count of a class without slices is NaN.
  if not count > 1 or np.isnan(value) or len(defined) < LEVEL * len(resampled):
    return math.nan, math.nan
  # Means of the same numbers may differ in their last bits.
  if np.ptp(defined) <= 1e-12 * np.abs(defined).max():
    return math.nan, math.nan
  # Plain percentiles are too narrow for few patients.
  t = scipy.special.stdtrit(count - 1, (1 + LEVEL) / 2)
  tail = scipy.special.ndtr(-t * math.sqrt(count / (count - 1)))
  low, high = np.quantile(defined, [tail, 1 - tail])
  return float(low), float(high)
