# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Confidence intervals of every measure, by a bootstrap over patients.

The slices of a patient resemble each other, so whole patients are resampled,
within each class. docs/report.md describes the intervals and their coverage.
Of several runs of one setting, the interval is that of their mean. There are
too few seeds for an interval of their own; the extremes show their effect.
"""

from collections.abc import Mapping, Sequence
import math
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.special

from bit_covid.analysis import predictions
from bit_covid.analysis import resampling

# The level of all intervals, and how tables and pages name it.
LEVEL = 0.95
LEVEL_TEXT = f'{100 * LEVEL:g} %'
Resamples = resampling.Resamples
# The default of all functions.
RESAMPLES = Resamples()
# The power at which a difference counts as detectable.
_POWER = 0.8
# Each by its name: floats or `[C]`, of R resamples `[R]` or `[R, C]`.
_Measures = Mapping[str, float | np.ndarray]


class Interval(NamedTuple):
  """A measure and the bounds of its interval; floats or `[C]` float64."""

  value: float | np.ndarray
  low: float | np.ndarray
  high: float | np.ndarray


class Repeated(NamedTuple):
  """A mean over runs, its interval, and the extremes; floats or `[C]`."""

  value: float | np.ndarray
  low: float | np.ndarray
  high: float | np.ndarray
  smallest: float | np.ndarray
  largest: float | np.ndarray


class Difference(NamedTuple):
  """B minus A, its interval, and the smallest detectable true difference."""

  value: float | np.ndarray
  low: float | np.ndarray
  high: float | np.ndarray
  smallest_detectable: float | np.ndarray


def intervals(
  table: pd.DataFrame,
  *,
  resamples: Resamples = RESAMPLES,
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
  (resampled,) = resampling.resample([sample], resamples)
  return _intervals(sample.values, resampled, sample)


def mean_intervals(
  table: pd.DataFrame,
  quantities: Mapping[str, np.ndarray],
  *,
  resamples: Resamples = RESAMPLES,
) -> dict[str, Interval]:
  """Returns mean and interval of quantities that every slice has.

  The resamples are those of `intervals`, and bounds are NaN in the same cases.
  Quantities are `[N]` float64 by name. Of the N rows of the table, only `label`
  and `patient_id` are read.
  """
  totals = resampling.make_totals(table, quantities)
  (resampled,) = resampling.resample([totals], resamples)
  return _intervals(totals.values, resampled, totals)


def repeated(
  samples: Sequence[resampling.Sample], *, resamples: Resamples = RESAMPLES
) -> dict[str, Repeated]:
  """Returns mean, interval, smallest and largest run of each measure.

  The same patients are drawn for all runs. The mean of a measure that is
  undefined in one of the runs is NaN.
  """
  _check(samples)
  values = [sample.values for sample in samples]
  resampled = resampling.resample(samples, resamples)
  found = _intervals(_mean(values), _mean(resampled), samples[0])
  result = {}
  for name, interval in found.items():
    each = [value[name] for value in values]
    extremes = np.min(each, axis=0), np.max(each, axis=0)
    result[name] = Repeated(*interval, *extremes)
  return result


def difference(
  table_a: pd.DataFrame,
  table_b: pd.DataFrame,
  *,
  resamples: Resamples = RESAMPLES,
) -> dict[str, Difference]:
  """Returns B minus A of every measure, with the same resamples for both.

  Bounds are NaN as in `intervals`. Predictions tables of different classes,
  slices, labels or patients raise a ValueError; their order may differ.
  """
  tables = table_a, predictions.align(table_a, table_b)
  sample_a, sample_b = map(resampling.make_sample, tables)
  return differences([sample_a], [sample_b], resamples=resamples)


def differences(
  samples_a: Sequence[resampling.Sample],
  samples_b: Sequence[resampling.Sample],
  *,
  resamples: Resamples = RESAMPLES,
) -> dict[str, Difference]:
  """Returns mean(B) - mean(A) of each measure, paired by patient.

  A and B are runs, and may differ in their number.
  """
  samples = [*samples_a, *samples_b]
  for group in (samples_a, samples_b, samples):
    _check(group)

  def b_minus_a(runs: Sequence[_Measures]) -> _Measures:
    a, b = _mean(runs[: len(samples_a)]), _mean(runs[len(samples_a) :])
    return {name: b[name] - a[name] for name in a}

  values = b_minus_a([sample.values for sample in samples])
  resampled = b_minus_a(resampling.resample(samples, resamples))
  # Such a comparison tells a true difference of (z + z') / z half-widths of the
  # interval from 0 in 80 % of repetitions, where z is the normal quantile at
  # 0.975 and z' that at 0.8. That is 1.43 half-widths.
  z = scipy.special.ndtri((1 + LEVEL) / 2)
  half_widths = (z + scipy.special.ndtri(_POWER)) / z
  return {
    name: Difference(*found, half_widths * (found.high - found.low) / 2)
    for name, found in _intervals(values, resampled, samples[0]).items()
  }


def _check(samples: Sequence[resampling.Sample]) -> None:
  if not samples:
    raise ValueError('There are 0 runs; expected at least one for a mean.')
  slices = samples[0].slices
  if not all(np.array_equal(other.slices, slices) for other in samples[1:]):
    raise ValueError(
      f'The {len(samples)} runs are not of the same patients with the same '
      'slices. Compare runs on the same split of the same data.'
    )


def _mean(runs: Sequence[_Measures]) -> _Measures:
  return {
    name: np.mean([run[name] for run in runs], axis=0) for name in runs[0]
  }


def _intervals(
  values: _Measures,
  resampled: _Measures,
  sample: resampling.Sample | resampling.Totals,
) -> dict[str, Interval]:
  """Returns intervals from the measures of R resamples of the same patients."""
  return {
    name: _interval(value, resampled[name], sample.effective_patients(name))
    for name, value in values.items()
  }


def _interval(
  value: float | np.ndarray, resampled: np.ndarray, count: float | np.ndarray
) -> Interval:
  """Returns the interval from `[R]` or `[R, C]` values of `count` patients."""
  if resampled.ndim == 1:
    return Interval(value, *_percentiles(resampled, value, count))
  counts = np.broadcast_to(count, len(value))
  each = zip(resampled.T, value, counts, strict=True)
  return Interval(value, *np.transpose([_percentiles(*one) for one in each]))


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
