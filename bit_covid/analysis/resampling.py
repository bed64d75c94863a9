# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Every measure on many resamples of the patients at once.

A resample is a weight for each patient: how often the patient was drawn. Counts
are summed by patient once, and one matrix product weights them for many
resamples. For areas under curves, slices are sorted once. Resamples are
processed in chunks to bound the memory.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
import dataclasses
import math
from typing import NamedTuple

import numpy as np
import pandas as pd

from bit_covid.analysis import aggregation
from bit_covid.analysis import metrics

# From weights `[P, B]` to ROC AUC and average precision, `[2, B]`.
_AreasFn = Callable[[np.ndarray], np.ndarray]
# Slices times resamples of a chunk: arrays of 4 MiB, which fit into caches.
_CHUNK = 2**19


class Resamples(NamedTuple):
  """Which resamples are drawn: how many, and by which seed."""

  count: int = 2000
  seed: int = 0

  def weights(self, stratum: np.ndarray, *, chunk: int) -> Iterator[np.ndarray]:
    """Yields how often each patient is drawn, `[P, B]` float64, by chunk."""
    members = [np.flatnonzero(stratum == i) for i in np.unique(stratum)]
    # One stream for each stratum, so that resamples do not depend on the
    # chunks.
    generators = np.random.default_rng(self.seed).spawn(len(members))
    for start in range(0, self.count, chunk):
      size = min(chunk, self.count - start)
      weights = np.empty((len(stratum), size))
      for generator, member in zip(generators, members, strict=True):
        count = len(member)
        drawn = generator.integers(count, size=(size, count))
        drawn += count * np.arange(size)[:, np.newaxis]
        times = np.bincount(drawn.ravel(), minlength=size * count)
        weights[member] = times.reshape(size, count).T
      yield weights


@dataclasses.dataclass(frozen=True)
class _Patients:
  """What samples of P patients have in common.

  Attributes:
    values: each measure of the sample itself, by name.
    slices: the number of slices of each patient and class, `[P, C]` float64.
  """

  values: Mapping[str, float | np.ndarray]
  slices: np.ndarray

  @property
  def stratum(self) -> np.ndarray:
    """The class of most slices of each patient, `[P]` int64."""
    return self.slices.argmax(axis=1)

  @property
  def num_slices(self) -> int:
    """The number of slices of all patients."""
    return int(self.slices.sum())

  def effective_patients(self, measure: str) -> float | np.ndarray:
    """Returns Kish's number of patients behind a measure, a float or `[C]`.

    It is at most 1 where resampling never varies the patients of a class.
    """
    slices = self.slices
    by_class = metrics.ratio(slices.sum(axis=0) ** 2, (slices**2).sum(axis=0))
    # A patient counts for the class of most of its slices, so a stratum can
    # hold a single patient, and resampling then never varies it.
    stratum_sizes = np.bincount(self.stratum, minlength=len(by_class))
    by_class = np.where(stratum_sizes == 1, 1, by_class)
    if measure == 'sensitivity':
      return by_class
    if (by_class <= 1).any():
      return 1.0
    size = slices.sum(axis=1)
    return float(metrics.ratio(size.sum() ** 2, (size**2).sum()))


@dataclasses.dataclass(frozen=True)
class Sample(_Patients):
  """A predictions table of P patients and C classes, ready for resampling.

  Attributes:
    counts: the confusion matrix of each patient, `[P, C, C]` float64.
    curves: a function for the areas of each class; empty without areas.
  """

  counts: np.ndarray
  curves: tuple[_AreasFn, ...]

  def measures(self, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Returns every measure for weights `[P, B]`, `[B]` or `[B, C]` each."""
    confusion = np.tensordot(weights, self.counts, axes=(0, 0))
    measures = metrics.from_confusion(confusion)
    if self.curves:
      areas = np.stack([curve(weights) for curve in self.curves], axis=2)
      measures['roc_auc'], measures['average_precision'] = areas
    return measures


@dataclasses.dataclass(frozen=True)
class Totals(_Patients):
  """K quantities that every slice has, ready for resampling of their means.

  Attributes:
    sums: of the quantities over the slices of each patient, `[P, K]` float64.
  """

  sums: np.ndarray

  def measures(self, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Returns the mean over slices, `[B]`, by name for weights `[P, B]`."""
    count = weights.T @ self.slices.sum(axis=1, keepdims=True)
    means = metrics.ratio(weights.T @ self.sums, count)
    return dict(zip(self.values, means.T, strict=True))


def make_sample(table: pd.DataFrame, *, with_areas: bool = True) -> Sample:
  """Returns the sample of a predictions table, patients sorted by their ids."""
  label, probabilities = metrics.labelled(table)
  num_classes = probabilities.shape[1]
  patient, names = aggregation.patient_indices(table)
  counts = np.zeros((len(names), num_classes, num_classes))
  np.add.at(counts, (patient, label, probabilities.argmax(axis=1)), 1)
  values, curves = metrics.from_confusion(counts.sum(axis=0)), []
  if with_areas:
    values = metrics.measure(table)
    curves = [
      _areas_function(label == i, probabilities[:, i], patient)
      for i in range(num_classes)
    ]
  return Sample(values, counts.sum(axis=2), counts, tuple(curves))


def make_totals(
  table: pd.DataFrame, quantities: Mapping[str, np.ndarray]
) -> Totals:
  """Returns the sums of K quantities, `[N]` float64 each, of N rows.

  Raises:
    ValueError: labels are missing.
  """
  missing = table['label'].isna().sum()
  if missing:
    raise ValueError(
      f'{missing} of {len(table)} slices have no label; patients are resampled '
      'within each class. Give every slice its class.'
    )
  label = table['label'].to_numpy(np.int64)
  patient, names = aggregation.patient_indices(table)
  slices = np.zeros((len(names), label.max(initial=0) + 1))
  np.add.at(slices, (patient, label), 1)
  sums = np.zeros((len(names), len(quantities)))
  np.add.at(sums, patient, np.stack([*quantities.values()], axis=1))
  means = {
    name: float(np.mean(each)) if len(each) else math.nan
    for name, each in quantities.items()
  }
  return Totals(means, slices, sums)


def resample(
  samples: Sequence[Sample | Totals], resamples: Resamples
) -> list[dict[str, np.ndarray]]:
  """Returns the measures of each sample on the same R resamples, by name.

  Samples are of the same patients with the same slices, in the same order. The
  measures are `[R]` or `[R, C]` float64.

  Raises:
    ValueError: the number of resamples is below 1.
  """
  if resamples.count < 1:
    raise ValueError(
      f'{resamples.count} resamples; expected at least 1, better '
      f'{Resamples().count}.'
    )
  chunk = _CHUNK // max(1, samples[0].num_slices)
  chunk = max(1, min(resamples.count, chunk))
  parts = [[] for _ in samples]
  for weights in resamples.weights(samples[0].stratum, chunk=chunk):
    for part, sample in zip(parts, samples, strict=True):
      part.append(sample.measures(weights))
  return [
    {name: np.concatenate([p[name] for p in part]) for name in part[0]}
    for part in parts
  ]


def _areas_function(
  is_class: np.ndarray, probability: np.ndarray, patient: np.ndarray
) -> _AreasFn:
  """Returns the function for one class against the rest, from `[N]` arrays."""
  is_undefined = is_class.all() or not is_class.any()
  order = np.argsort(-probability, kind='stable')
  # Ascending, as searchsorted needs it.
  score = -probability[order]
  is_class, patient = is_class[order], patient[order]
  positive, negative = score[is_class], score[~is_class]
  # Slices of equal probability form one step, across which the ROC curve is a
  # straight line.
  steps = np.unique(positive)
  last_positive = np.searchsorted(positive, steps, side='right')
  first_negative = np.searchsorted(negative, steps, side='left')
  last_negative = np.searchsorted(negative, steps, side='right')

  def areas(weights: np.ndarray) -> np.ndarray:
    zero = np.zeros((1, weights.shape[1]))
    if is_undefined:
      return np.full((2, weights.shape[1]), math.nan)
    # Weights are whole numbers, so float64 sums them exactly.
    true_positives = np.cumsum(weights[patient[is_class]], axis=0)
    false_positives = np.concatenate([zero, weights[patient[~is_class]]])
    np.cumsum(false_positives, axis=0, out=false_positives)
    hits = true_positives[last_positive - 1]
    alarms = false_positives[last_negative]
    step = np.diff(hits, axis=0, prepend=zero)
    positives, negatives = step.sum(axis=0), false_positives[-1]
    below = negatives - (false_positives[first_negative] + alarms) / 2
    # Where nothing is called, there are no hits either.
    precision = hits / np.maximum(hits + alarms, 1)
    roc_auc = metrics.ratio((step * below).sum(axis=0), positives * negatives)
    return np.stack(
      [roc_auc, metrics.ratio((step * precision).sum(axis=0), positives)]
    )

  return areas
