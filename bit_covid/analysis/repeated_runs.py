# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The mean over several runs of one setting, and how certain it is.

The interval is that of the mean over the runs, with the same resampled patients
for all of them (see `bootstrap`). The smallest and the largest run show the
effect of the seed, as there are too few seeds for an interval.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from bit_covid.analysis import bootstrap
from bit_covid.analysis import metrics
from bit_covid.analysis import predictions
from bit_covid.analysis import resampling

MEASURES = metrics.FROM_CONFUSION


class Repeated(NamedTuple):
  """A mean over runs, its interval, and the extremes; floats or `[C]`."""

  value: float | np.ndarray
  low: float | np.ndarray
  high: float | np.ndarray
  smallest: float | np.ndarray
  largest: float | np.ndarray


def make_sample(
  table: pd.DataFrame, reference: pd.DataFrame
) -> resampling.Sample:
  """Returns the sample of a run; `reference` is of any run on its split."""
  aligned = predictions.align(reference, table)
  return resampling.make_sample(aligned, with_areas=False)


def intervals(
  samples: Sequence[resampling.Sample],
  *,
  num_resamples: int = bootstrap.NUM_RESAMPLES,
  seed: int = 0,
) -> dict[str, Repeated]:
  """Returns mean, interval, smallest and largest run of each of `MEASURES`.

  The mean of a measure that is undefined in one of the runs is NaN.
  """
  _check(samples)
  values = [_values(sample) for sample in samples]
  resampled = resampling.resample(
    samples, num_resamples=num_resamples, seed=seed
  )
  result = {}
  for name in MEASURES:
    each = np.stack([value[name] for value in values])
    mean = each.mean(axis=0)
    _, low, high = bootstrap.make_interval(
      mean, _mean(resampled, name), sample=samples[0], measure=name
    )
    result[name] = Repeated(
      mean[()], low, high, each.min(axis=0)[()], each.max(axis=0)[()]
    )
  return result


def differences(
  samples_a: Sequence[resampling.Sample],
  samples_b: Sequence[resampling.Sample],
  *,
  num_resamples: int = bootstrap.NUM_RESAMPLES,
  seed: int = 0,
) -> dict[str, bootstrap.Difference]:
  """Returns mean(B) - mean(A) of each of `MEASURES`, paired by patient.

  The two may have different numbers of runs.
  """
  samples = [*samples_a, *samples_b]
  for group in (samples_a, samples_b, samples):
    _check(group)
  resampled = resampling.resample(
    samples, num_resamples=num_resamples, seed=seed
  )
  values = [_values(sample) for sample in samples]

  def b_minus_a(runs: Sequence[Mapping[str, np.ndarray]], name: str):
    count = len(samples_a)
    return _mean(runs[count:], name) - _mean(runs[:count], name)

  return {
    name: bootstrap.make_difference(
      b_minus_a(values, name),
      b_minus_a(resampled, name),
      # For the numbers of slices and patients, which all samples share.
      sample=samples[0],
      measure=name,
    )
    for name in MEASURES
  }


def _values(sample: resampling.Sample) -> dict[str, np.ndarray]:
  return metrics.from_confusion(sample.counts.sum(axis=0))


def _mean(runs: Sequence[Mapping[str, np.ndarray]], name: str) -> np.ndarray:
  return np.mean([run[name] for run in runs], axis=0)


def _check(samples: Sequence[resampling.Sample]) -> None:
  if not samples:
    raise ValueError('There are 0 runs; expected at least one for a mean.')
  slices = samples[0].slices
  if not all(np.array_equal(other.slices, slices) for other in samples[1:]):
    raise ValueError(
      f'The {len(samples)} runs are not of the same patients with the same '
      'slices. Compare runs on the same split of the same data.'
    )
