# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The interval of a share of slices, over patients.

The slices of a patient resemble each other, so N slices tell as much as a
smaller number n of independent ones. The interval is the binomial one of n
slices. n is the smaller of two numbers: by the variance between patients that
is seen, and by the correlation of a patient's slices. The correlation is drawn
towards 1/2 where few patients carry the errors, because those patients do not
show how other errors would cluster. docs/report.md has the measured coverage.
"""

import numpy as np
import scipy.special

from bit_covid.analysis import interval as interval_lib
from bit_covid.analysis import ratios

_TAIL = (1 - interval_lib.LEVEL) / 2
# What is assumed of the correlation with the weight of one patient.
_PRIOR_CORRELATION = 0.5


def interval(
  hits: np.ndarray, slices: np.ndarray, stratum: np.ndarray
) -> interval_lib.Interval:
  """Returns the share of hits and its interval, `[...]` float64 each.

  Hits are the clearer for being counts, but any values from 0 to the number of
  slices will do, such as means over runs.

  Args:
    hits: of each patient, `[..., P]`.
    slices: of each patient, `[..., P]`, above 0.
    stratum: the class of each patient, `[P]` int; the numbers of patients of
      the classes were chosen.
  """
  hits, slices = np.asarray(hits, np.float64), np.asarray(slices, np.float64)
  total = slices.sum(axis=-1)
  share = ratios.ratio(hits.sum(axis=-1), total)
  members = np.eye(stratum.max(initial=0) + 1)[stratum]
  members = members[:, members.any(axis=0)]
  freedom = len(members) - members.shape[1]
  count = _by_correlation(hits, slices, members)
  variance = _variance(hits - share[..., np.newaxis] * slices, members)
  variance /= np.maximum(total, 1) ** 2
  by_variance = ratios.ratio(share * (1 - share), variance)
  by_variance = np.nan_to_num(by_variance, nan=np.inf)
  # Without any error, or any hit, nothing was estimated that t would allow for.
  is_estimated = (share > 0) & (share < 1) & (freedom > 0)
  t = scipy.special.stdtrit(max(freedom, 1), 1 - _TAIL)
  shrink = np.where(is_estimated, (scipy.special.ndtri(1 - _TAIL) / t) ** 2, 1)
  count = np.minimum(count, by_variance) * shrink
  return interval_lib.Interval(share, *_binomial(share, count))


def _by_correlation(
  hits: np.ndarray, slices: np.ndarray, members: np.ndarray
) -> np.ndarray:
  """Returns how many independent slices tell as much, by the correlation."""
  total = slices.sum(axis=-1)
  # By how much the variance grows with the correlation.
  growth = _zero_ratio((slices**2).sum(axis=-1), total) - 1
  rates = _zero_ratio(hits, slices)
  carriers = np.minimum(_carriers(rates), _carriers(1 - rates))
  found = _correlation(hits, slices, members)
  drawn = (carriers * found + _PRIOR_CORRELATION) / (carriers + 1)
  return _zero_ratio(total, 1 + growth * np.maximum(found, drawn))


def _carriers(rates: np.ndarray) -> np.ndarray:
  """Returns how many patients carry the errors: equal ones count fully."""
  return _zero_ratio(rates.sum(axis=-1) ** 2, (rates**2).sum(axis=-1))


def _correlation(
  hits: np.ndarray, slices: np.ndarray, members: np.ndarray
) -> np.ndarray:
  """Returns the correlation of a patient's slices by analysis of variance."""
  num_patients, num_strata = members.shape
  freedom = num_patients - num_strata
  if freedom < 1:
    return np.ones(hits.shape[:-1])
  of_stratum = slices @ members
  expected = _zero_ratio(hits @ members, of_stratum) @ members.T
  within = _zero_ratio(hits * (slices - hits), slices).sum(axis=-1)
  within = _zero_ratio(within, slices.sum(axis=-1) - num_patients)
  between = slices * (_zero_ratio(hits, slices) - expected) ** 2
  between = between.sum(axis=-1) / freedom
  size = of_stratum - _zero_ratio(slices**2 @ members, of_stratum)
  size = size.sum(axis=-1) / freedom
  found = _zero_ratio(between - within, between + (size - 1) * within)
  return np.clip(found, 0, 1)


def _variance(errors: np.ndarray, members: np.ndarray) -> np.ndarray:
  """Returns the variance of the sum of `[..., P]` over patients of strata."""
  count = members.sum(axis=0)
  # A patient alone in its class is compared with all.
  is_alone = count < 2
  mean = np.where(is_alone, 0, errors @ members / count)
  squares = (errors - mean @ members.T) ** 2 @ members
  factor = np.where(is_alone, 1, count / np.maximum(count - 1, 1))
  return (squares * factor).sum(axis=-1)


def _binomial(
  share: np.ndarray, count: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
  """Returns the bounds of a binomial share of so many trials.

  They are those of Jeffreys where at least one hit and one error are expected,
  and those of Clopper and Pearson without any; between, they go over into each
  other.
  """
  hits, errors = share * count, (1 - share) * count
  half = np.minimum(np.minimum(hits, errors), 1) / 2
  with np.errstate(invalid='ignore'):
    low = scipy.special.betaincinv(hits + half, errors + 1 - half, _TAIL)
    high = scipy.special.betaincinv(hits + 1 - half, errors + half, 1 - _TAIL)
  low, high = np.where(hits == 0, 0.0, low), np.where(errors == 0, 1.0, high)
  low, high = np.where(np.isnan(share), np.nan, [low, high])
  return low, high


def _zero_ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
  return np.nan_to_num(ratios.ratio(part, whole))
