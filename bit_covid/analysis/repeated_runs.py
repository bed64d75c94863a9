# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Several runs of one setting: their mean, and how sure it is.

Two things make a measured accuracy another one next time: other patients, and
another seed. The interval is about the patients: that of the mean over the
runs, the same patients drawn for all of them (see `bootstrap`). The smallest
and the largest run are about the seed, of which there are too few for an
interval. A single run has the interval of `bootstrap.intervals`.
"""

from collections.abc import Mapping, Sequence
import dataclasses
from typing import NamedTuple

import numpy as np
import pandas as pd

from bit_covid.analysis import bootstrap
from bit_covid.analysis import metrics
from bit_covid.analysis import resampling

# Counts give them all; the areas under curves take nine tenths of the time.
MEASURES = (
  *metrics.OVERALL,
  *(x for x in metrics.PER_CLASS if x not in ('roc_auc', 'average_precision')),
)


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
  """Returns the counts of a run by patient; samples of one reference go along.

  Args:
    table: a predictions table.
    reference: that of any run on the same split.

  Raises:
    ValueError: the two differ in classes, slices, labels or patients, or labels
      or patients are missing; the message says how many.
  """
  sample = resampling.make_sample(bootstrap.aligned(reference, table))
  # The curves are most of the memory, and nothing here asks for areas.
  return dataclasses.replace(sample, curves=(None,) * len(sample.curves))


def intervals(
  samples: Sequence[resampling.Sample],
  *,
  replicates: int = 2000,
  seed: int = 0,
  level: float = 0.95,
) -> dict[str, Repeated]:
  """Returns mean, interval, smallest and largest of each of `MEASURES`.

  A measure that is undefined in one run has no mean: it is NaN.

  Raises:
    ValueError: there is no sample, or they are of other patients.
  """
  _check(samples)
  values = [_values(sample) for sample in samples]
  drawn = resampling.draw(
    samples, replicates=replicates, seed=seed, with_areas=False
  )
  result = {}
  for name in MEASURES:
    each = np.stack([value[name] for value in values])
    mean = each.mean(axis=0)
    low, high = bootstrap.bounds(
      _mean(drawn, name), mean, sample=samples[0], measure=name, level=level
    )
    result[name] = Repeated(
      mean[()], low, high, each.min(axis=0)[()], each.max(axis=0)[()]
    )
  return result


def differences(
  samples_a: Sequence[resampling.Sample],
  samples_b: Sequence[resampling.Sample],
  *,
  replicates: int = 2000,
  seed: int = 0,
  level: float = 0.95,
) -> dict[str, bootstrap.Difference]:
  """Returns mean(B) - mean(A) of each of `MEASURES`, paired by patient.

  The two may have different numbers of runs. What is detectable: see
  `bootstrap.difference`.

  Raises:
    ValueError: there is no sample, or they are of other patients.
  """
  samples = [*samples_a, *samples_b]
  for group in (samples_a, samples_b, samples):
    _check(group)
  drawn = resampling.draw(
    samples, replicates=replicates, seed=seed, with_areas=False
  )
  drawn_a, drawn_b = drawn[: len(samples_a)], drawn[len(samples_a) :]
  values_a = [_values(sample) for sample in samples_a]
  values_b = [_values(sample) for sample in samples_b]
  result = {}
  for name in MEASURES:
    value = _mean(values_b, name) - _mean(values_a, name)
    difference = _mean(drawn_b, name) - _mean(drawn_a, name)
    low, high = bootstrap.bounds(
      # Of the slices and patients, which all samples share.
      difference,
      value,
      sample=samples[0],
      measure=name,
      level=level,
    )
    result[name] = bootstrap.Difference(
      value, low, high, bootstrap.detectable(low, high, level)
    )
  return result


def _values(sample: resampling.Sample) -> dict[str, np.ndarray]:
  return metrics.from_confusion(sample.counts.sum(axis=0))


def _mean(runs: Sequence[Mapping[str, np.ndarray]], name: str) -> np.ndarray:
  return np.mean([run[name] for run in runs], axis=0)


def _check(samples: Sequence[resampling.Sample]) -> None:
  if not samples:
    raise ValueError('There is no run of which a mean could be taken.')
  slices = samples[0].slices
  if not all(np.array_equal(other.slices, slices) for other in samples[1:]):
    raise ValueError(
      f'The {len(samples)} runs are not of the same patients with the same '
      'slices. Compare runs on the same split of the same data.'
    )
