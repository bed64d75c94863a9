# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Every measure under many drawings of the patients at once.

A drawing is a weight a patient: how often it was drawn. Counts are added up by
patient once and then weighted, one matrix product for all drawings. Slices are
sorted by probability once; areas under curves are then sums along that order.
A few drawings at a time bound the memory.
"""

from collections.abc import Iterator, Sequence
import dataclasses
import math

import numpy as np
import pandas as pd

from bit_covid.analysis import metrics
from bit_covid.analysis import patients

# Slices times drawings at a time: 4 MiB an array, which caches hold.
_CHUNK = 2**19


@dataclasses.dataclass(frozen=True)
class Curve:
  """One class against the rest, the slices by falling probability.

  Of the G probabilities that slices of the class have:

  Attributes:
    positive: patients of the slices of the class, `[N+]`.
    negative: patients of the others, `[N-]`.
    last_positive: how many slices of the class have at least this, `[G]`.
    first_negative: how many others have more, `[G]`.
    last_negative: how many others have at least this, `[G]`.
  """

  positive: np.ndarray
  negative: np.ndarray
  last_positive: np.ndarray
  first_negative: np.ndarray
  last_negative: np.ndarray

  def areas(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns ROC AUC and average precision `[B]` under weights `[P, B]`.

    Both as scikit-learn with `sample_weight`: equal probabilities are one step,
    and the ROC curve goes straight over it.
    """
    none = np.zeros((1, weights.shape[1]))
    # Weights are whole numbers, and so float64 sums them exactly.
    right = np.cumsum(weights[self.positive], axis=0)
    wrong = np.concatenate([none, weights[self.negative]])
    np.cumsum(wrong, axis=0, out=wrong)
    right, until = right[self.last_positive - 1], wrong[self.last_negative]
    step = np.diff(right, axis=0, prepend=none)
    positives, negatives = step.sum(axis=0), wrong[-1]
    above = negatives - (wrong[self.first_negative] + until) / 2
    flagged = right + until
    precision = np.divide(
      right, flagged, out=np.zeros_like(right), where=flagged != 0
    )
    return (
      metrics.ratio((step * above).sum(axis=0), positives * negatives),
      metrics.ratio((step * precision).sum(axis=0), positives),
    )


@dataclasses.dataclass(frozen=True)
class Sample:
  """What a bootstrap needs of a table with P patients and C classes.

  Attributes:
    counts: the confusion matrix of each patient, `[P, C, C]` float64.
    curves: one a class, None where it has all slices or none.
  """

  counts: np.ndarray
  curves: tuple[Curve | None, ...]

  @property
  def slices(self) -> np.ndarray:
    """How many slices of each class a patient has, `[P, C]` float64."""
    return self.counts.sum(axis=2)

  @property
  def stratum(self) -> np.ndarray:
    """The class of each patient, of most of its slices, `[P]`."""
    return self.slices.argmax(axis=1)

  @property
  def num_slices(self) -> int:
    """N."""
    return int(self.counts.sum())

  def measures(
    self, weights: np.ndarray, *, with_areas: bool = True
  ) -> dict[str, np.ndarray]:
    """Returns every measure under weights `[P, B]`, `[B]` or `[B, C]`."""
    confusion = np.tensordot(weights, self.counts, axes=(0, 0))
    measures = metrics.from_confusion(confusion)
    if not with_areas:
      return measures
    undefined = np.full(weights.shape[1], math.nan)
    areas = [
      (undefined, undefined) if curve is None else curve.areas(weights)
      for curve in self.curves
    ]
    roc_auc, average_precision = np.stack(areas, axis=2)
    return measures | {
      'roc_auc': roc_auc,
      'average_precision': average_precision,
    }


def make_sample(table: pd.DataFrame) -> Sample:
  """Returns the sample of a predictions table.

  Raises:
    ValueError: labels, probabilities or patients are missing.
  """
  label, probabilities = metrics.labelled(table)
  num_classes = probabilities.shape[1]
  patient, names = patients.numbers(table)
  counts = np.zeros((len(names), num_classes, num_classes))
  np.add.at(counts, (patient, label, probabilities.argmax(axis=1)), 1)
  return Sample(
    counts=counts,
    curves=tuple(
      _curve(label == i, probabilities[:, i], patient)
      for i in range(num_classes)
    ),
  )


@dataclasses.dataclass(frozen=True)
class Totals:
  """What a bootstrap needs of K numbers that each slice has.

  Attributes:
    slices: how many of each class a patient has, `[P, C]` float64.
    sums: of the numbers over the slices of each patient, `[P, K]` float64.
  """

  slices: np.ndarray
  sums: np.ndarray

  @property
  def stratum(self) -> np.ndarray:
    """The class of each patient, of most of its slices, `[P]`."""
    return self.slices.argmax(axis=1)

  def means(self, weights: np.ndarray) -> np.ndarray:
    """Returns the means over the slices under weights `[P, B]`, `[B, K]`."""
    sums = weights.T @ self.sums
    count = weights.T @ self.slices.sum(axis=1, keepdims=True)
    return metrics.ratio(sums, np.broadcast_to(count, sums.shape))


def make_totals(table: pd.DataFrame, values: np.ndarray) -> Totals:
  """Returns the totals of numbers of each slice.

  Args:
    table: N rows with at least `label` and `patient_id`.
    values: `[N, K]` float64.

  Raises:
    ValueError: labels or patients are missing.
  """
  missing = table['label'].isna().sum()
  if missing:
    raise ValueError(
      f'{missing} of {len(table)} slices have no label; patients are drawn '
      'within each class. Give every slice its class.'
    )
  label = table['label'].to_numpy(np.int64)
  patient, names = patients.numbers(table)
  slices = np.zeros((len(names), label.max(initial=0) + 1))
  np.add.at(slices, (patient, label), 1)
  sums = np.zeros((len(names), values.shape[1]))
  np.add.at(sums, patient, values)
  return Totals(slices, sums)


def draw_means(totals: Totals, *, replicates: int, seed: int) -> np.ndarray:
  """Returns the means over the slices in each drawing, `[R, K]`.

  The drawings are those of `draw` with the same seed.
  """
  stratum = totals.stratum
  chunk = max(1, min(replicates, _CHUNK // max(1, len(stratum))))
  drawings = _weights(stratum, replicates=replicates, seed=seed, chunk=chunk)
  return np.concatenate([totals.means(weights) for weights in drawings])


def draw(
  samples: Sequence[Sample],
  *,
  replicates: int,
  seed: int,
  with_areas: bool = True,
) -> list[dict[str, np.ndarray]]:
  """Returns each sample's measures, `[R]` or `[R, C]`, in the same drawings.

  The samples are of the same patients in the same order.
  """
  parts = [[] for _ in samples]
  stratum = samples[0].stratum
  chunk = max(1, min(replicates, _CHUNK // max(1, samples[0].num_slices)))
  for weights in _weights(
    stratum, replicates=replicates, seed=seed, chunk=chunk
  ):
    for part, sample in zip(parts, samples, strict=True):
      part.append(sample.measures(weights, with_areas=with_areas))
  return [
    {name: np.concatenate([p[name] for p in part]) for name in part[0]}
    for part in parts
  ]


def _weights(
  stratum: np.ndarray, *, replicates: int, seed: int, chunk: int
) -> Iterator[np.ndarray]:
  """Yields how often each patient is drawn, `[P, B]` float64.

  From each stratum as many as it has, with replacement.
  """
  members = [np.flatnonzero(stratum == i) for i in np.unique(stratum)]
  # One stream a stratum: what is drawn does not depend on the chunks.
  generators = np.random.default_rng(seed).spawn(len(members))
  for start in range(0, replicates, chunk):
    size = min(chunk, replicates - start)
    weights = np.empty((len(stratum), size))
    for generator, member in zip(generators, members, strict=True):
      count = len(member)
      drawn = generator.integers(count, size=(size, count))
      drawn += count * np.arange(size)[:, np.newaxis]
      times = np.bincount(drawn.ravel(), minlength=size * count)
      weights[member] = times.reshape(size, count).T
    yield weights


def _curve(
  is_class: np.ndarray, probability: np.ndarray, patient: np.ndarray
) -> Curve | None:
  if is_class.all() or not is_class.any():
    return None
  order = np.argsort(-probability, kind='stable')
  score, is_class, patient = (
    -probability[order],
    is_class[order],
    patient[order],
  )
  positive, negative = score[is_class], score[~is_class]
  steps = np.unique(positive)
  return Curve(
    positive=patient[is_class],
    negative=patient[~is_class],
    last_positive=np.searchsorted(positive, steps, side='right'),
    first_negative=np.searchsorted(negative, steps, side='left'),
    last_negative=np.searchsorted(negative, steps, side='right'),
  )
