# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Intervals of every measure by a bootstrap over patients.

Slices of a patient are alike, and so an interval over slices is far too narrow.
Here whole patients are drawn with replacement, from each class as many as it
has: the mix of classes of a test split is a choice and not chance, and no class
can vanish.

Bounds are percentiles of the measure over the drawings. As these are too narrow
for few patients, the percentiles lie further out, at Phi(+-t sqrt(n / (n - 1)))
with t that of Student's distribution with n - 1 degrees of freedom (Hesterberg,
"What teachers should know about the bootstrap", 2015), where n = N^2 / sum_i
N_i^2 is how many patients with equally many slices would tell as much (Kish).

How often 95 % intervals of accuracy cover the truth in simulations
(tests/bit_covid/analysis/test_bootstrap_coverage.py): 94.7 % with 100 patients,
where intervals over slices cover it in 73.0 %; about 90 % against 24 % where
426 patients are as uneven as those of COVIDx CT and most have no error. Then
the intervals err on the hopeful side: the few patients with the errors may not
be in the split, and no drawing brings them in.
"""

from collections.abc import Mapping
import math
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.special

from bit_covid.analysis import metrics
from bit_covid.analysis import resampling

_POWER = 0.8
_EXAMPLES = 5


class Interval(NamedTuple):
  """A measure and the bounds of its interval; floats or `[C]` float64."""

  value: float | np.ndarray
  low: float | np.ndarray
  high: float | np.ndarray


class Difference(NamedTuple):
  """B minus A, its interval, and what `difference` calls detectable."""

  value: float | np.ndarray
  low: float | np.ndarray
  high: float | np.ndarray
  smallest_detectable: float | np.ndarray


def intervals(
  table: pd.DataFrame,
  *,
  replicates: int = 2000,
  seed: int = 0,
  level: float = 0.95,
  with_areas: bool = True,
) -> dict[str, Interval]:
  """Returns value and interval of every measure of `metrics.measure`.

  Without `with_areas`, of those that counts alone give: the areas under curves
  take nine tenths of the time.

  Bounds are NaN where they would say more than is known:

  - The measure is undefined, or is in more than 1 - `level` of the drawings.
  - It is the same in all drawings, as of a perfect run: where no patient has an
    error, drawing them again makes none.
  - A class comes from one patient only, for whom no other can be drawn. Then
    only the sensitivity of the other classes has bounds.

  Raises:
    ValueError: labels, probabilities or patients are missing, or `replicates`
      or `level` are out of range.
  """
  _check(replicates, level)
  sample = resampling.make_sample(table)
  (drawn,) = resampling.draw(
    [sample], replicates=replicates, seed=seed, with_areas=with_areas
  )
  if with_areas:
    values = metrics.measure(*metrics.labelled(table))
  else:
    values = metrics.from_confusion(sample.counts.sum(axis=0))
  result = {}
  for name, value in values.items():
    result[name] = Interval(
      value,
      *bounds(drawn[name], value, sample=sample, measure=name, level=level),
    )
  return result


def mean_intervals(
  table: pd.DataFrame,
  values: Mapping[str, np.ndarray],
  *,
  replicates: int = 2000,
  seed: int = 0,
  level: float = 0.95,
) -> dict[str, Interval]:
  """Returns mean and interval of numbers that each slice has.

  Bounds are NaN as those of `intervals`; the drawings are the same.

  Args:
    table: N rows with at least `label` and `patient_id`.
    values: `[N]` float64 by name.
    replicates: how many drawings.
    seed: of the drawings.
    level: of the interval.

  Raises:
    ValueError: labels or patients are missing, or `replicates` or `level` are
      out of range.
  """
  _check(replicates, level)
  totals = resampling.make_totals(table, np.stack([*values.values()], axis=1))
  drawn = resampling.draw_means(totals, replicates=replicates, seed=seed)
  result = {}
  for (name, each), means in zip(values.items(), drawn.T, strict=True):
    value = float(np.mean(each)) if len(each) else math.nan
    result[name] = Interval(
      value,
      *bounds(means, value, sample=totals, measure='mean', level=level),
    )
  return result


def difference(
  table_a: pd.DataFrame,
  table_b: pd.DataFrame,
  *,
  replicates: int = 2000,
  seed: int = 0,
  level: float = 0.95,
) -> dict[str, Difference]:
  """Returns B minus A of every measure, the same patients drawn for both.

  `smallest_detectable` is the true difference that such a comparison would tell
  from 0 in 80 % of repetitions. Bounds are NaN as those of `intervals`.

  Raises:
    ValueError: the tables hold other classes or slices, or the same with other
      labels or patients; or as `intervals`. The message counts them.
  """
  _check(replicates, level)
  table_b = aligned(table_a, table_b)
  samples = [resampling.make_sample(table) for table in (table_a, table_b)]
  drawn_a, drawn_b = resampling.draw(samples, replicates=replicates, seed=seed)
  values_a = metrics.measure(*metrics.labelled(table_a))
  values_b = metrics.measure(*metrics.labelled(table_b))
  result = {}
  for name, value_a in values_a.items():
    value = values_b[name] - value_a
    low, high = bounds(
      drawn_b[name] - drawn_a[name],
      value,
      sample=samples[0],
      measure=name,
      level=level,
    )
    result[name] = Difference(value, low, high, detectable(low, high, level))
  return result


def detectable(
  low: float | np.ndarray, high: float | np.ndarray, level: float
) -> float | np.ndarray:
  """Returns `smallest_detectable` of `difference`, from an interval's bounds.

  (z + z') / z of the half-width, with z the normal quantile at (1 + level) / 2,
  and z' at 0.8; 1.43 half-widths at 95 %.
  """
  z = scipy.special.ndtri((1 + level) / 2)
  return (z + scipy.special.ndtri(_POWER)) / z * (high - low) / 2


def bounds(
  drawn: np.ndarray,
  value: float | np.ndarray,
  *,
  sample: resampling.Sample | resampling.Totals,
  measure: str,
  level: float,
) -> tuple[float | np.ndarray, float | np.ndarray]:
  """Returns the bounds of a measure, floats or `[C]`, NaN as in `intervals`.

  Args:
    drawn: `[R]` or `[R, C]`, the measure of each drawing.
    value: that of the sample itself, a float or `[C]`.
    sample: slices and patients that were drawn from.
    measure: its name, of `metrics.measure`; 'mean' of a mean over slices.
    level: of the interval.
  """
  count = _effective_patients(sample, measure)
  if drawn.ndim == 1:
    return _bounds_of_one(drawn, value, count, level)
  counts = np.broadcast_to(count, len(value))
  each = zip(drawn.T, value, counts, strict=True)
  low, high = np.transpose([_bounds_of_one(*one, level) for one in each])
  return low, high


def aligned(table_a: pd.DataFrame, table_b: pd.DataFrame) -> pd.DataFrame:
  """Returns the rows of B in the order of A.

  Raises:
    ValueError: classes, slices, labels or patients differ; the message says
      how many and which.
  """
  columns_a, columns_b = list(table_a.columns), list(table_b.columns)
  if columns_a != columns_b:
    raise ValueError(
      f'The columns differ: {columns_a} in A, {columns_b} in B. Compare runs '
      'over the same classes.'
    )
  slices_a, slices_b = _slices(table_a, 'A'), _slices(table_b, 'B')
  only_a = slices_a.difference(slices_b)
  only_b = slices_b.difference(slices_a)
  if len(only_a) or len(only_b):
    raise ValueError(
      f'The two hold different slices: {len(only_a)} of {len(slices_a)} are '
      f'only in A{_such_as(only_a)}, {len(only_b)} of {len(slices_b)} only in '
      f'B{_such_as(only_b)}. Compare runs on the same split of the same data.'
    )
  table_b = table_b.iloc[slices_b.get_indexer(slices_a)]
  table_b = table_b.set_axis(table_a.index)
  for column in ('label', 'patient_id'):
    # Where a label is missing in one only, the two differ as well.
    a, b = (table[column].astype(object) for table in (table_a, table_b))
    other = (a.fillna('') != b.fillna('')).to_numpy(bool)
    if other.any():
      raise ValueError(
        f'{other.sum()} of {len(table_a)} slices have another {column} in B '
        f'than in A{_such_as(slices_a[other])}. Compare runs on the same split '
        'of the same data.'
      )
  return table_b


def _slices(table: pd.DataFrame, name: str) -> pd.Index:
  index = pd.Index(table['slice_id'])
  twice = index[index.duplicated()].unique()
  if len(twice):
    raise ValueError(
      f'{len(twice)} slices of {name} are there more than once'
      f'{_such_as(twice)}. A table has a row a slice.'
    )
  return index


def _such_as(names: pd.Index) -> str:
  if names.empty:
    return ''
  more = ', ...' if len(names) > _EXAMPLES else ''
  return f' ({", ".join(map(str, names[:_EXAMPLES]))}{more})'


def _check(replicates: int, level: float) -> None:
  if replicates < 1 or not 0 < level < 1:
    raise ValueError(
      f'{replicates} replicates, level {level}: expected at least 1, better '
      '2000, and a level between 0 and 1, such as 0.95.'
    )


def _effective_patients(
  sample: resampling.Sample | resampling.Totals, name: str
) -> float | np.ndarray:
  """Returns Kish's number of patients behind a measure, a float or `[C]`.

  At most 1 where the patients of a class never vary.
  """
  slices = sample.slices
  each = metrics.ratio(slices.sum(axis=0) ** 2, (slices**2).sum(axis=0))
  # Of patients with slices of several classes, too few may lead a stratum.
  leading = np.bincount(sample.stratum, minlength=len(each))
  each = np.where(leading == 1, 1, each)
  if name == 'sensitivity':
    return each
  if (each <= 1).any():
    return 1.0
  size = slices.sum(axis=1)
  return float(metrics.ratio(size.sum() ** 2, (size**2).sum()))


def _bounds_of_one(
  drawn: np.ndarray,
  value: float,
  count: float,
  level: float,
) -> tuple[float, float]:
  """Returns the bounds from drawings `[R]` and a number of patients."""
  defined = drawn[~np.isnan(drawn)]
  # NaN, the count of a class without slices, is not above 1 either.
  if not count > 1 or np.isnan(value) or len(defined) < level * len(drawn):
    return math.nan, math.nan
  # Means of the same numbers differ in their last bits.
  if np.ptp(defined) <= 1e-12 * np.abs(defined).max():
    return math.nan, math.nan
  t = scipy.special.stdtrit(count - 1, (1 + level) / 2)
  tail = scipy.special.ndtr(-t * math.sqrt(count / (count - 1)))
  low, high = np.quantile(defined, [tail, 1 - tail])
  return float(low), float(high)
