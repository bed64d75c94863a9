# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Patients drawn from known populations, for `interval_coverage`."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.special

from bit_covid.analysis import metrics
from bit_covid.analysis import patient_counts
from bit_covid.analysis import predictions

_CLASSES = 3


class Draw(NamedTuple):
  """S splits of P patients: counts of slices, and the true share of hits."""

  hits: np.ndarray
  slices: np.ndarray
  stratum: np.ndarray
  truth: float


def uneven(generator: np.random.Generator, shape: Sequence[int]) -> np.ndarray:
  """Returns log-uniform numbers of slices from 5 to 300."""
  logarithm = generator.uniform(np.log(5), np.log(300), shape)
  return np.exp(logarithm).round()


def rates(
  generator: np.random.Generator, mean: np.ndarray, correlation: float
) -> np.ndarray:
  """Returns the accuracies of patients, whose slices correlate so much."""
  if not correlation:
    return np.array(mean)
  weight = 1 / correlation - 1
  return generator.beta(mean * weight, (1 - mean) * weight)


def patients(
  generator: np.random.Generator,
  simulations: int,
  *,
  count: int,
  accuracy: float,
  correlation: float,
  slices: int | None = None,
  classes: int = _CLASSES,
) -> Draw:
  """Returns patients of equal classes; `slices` None: of uneven numbers."""
  shape = simulations, count
  sizes = uneven(generator, shape) if slices is None else np.full(shape, slices)
  each = rates(generator, np.full(shape, accuracy), correlation)
  hits = generator.binomial(sizes.astype(int), each)
  return Draw(hits, sizes, np.arange(count) % classes, accuracy)


def covidx_like(
  generator: np.random.Generator, simulations: int, accuracy: Sequence[float]
) -> Draw:
  """Returns patients as in the test split of COVIDx CT, by class."""
  counts, means = np.array([126, 125, 175]), np.array([97, 59, 34])
  stratum = np.repeat(np.arange(3), counts)
  shape = simulations, len(stratum)
  location = np.log(means)[stratum] - 1 / 2
  sizes = np.maximum(1, generator.lognormal(location, 1, shape).round())
  accuracy = np.array(accuracy)
  each = rates(generator, np.broadcast_to(accuracy[stratum], shape), 0.2)
  hits = generator.binomial(sizes.astype(int), each)
  truth = np.average(accuracy, weights=counts * means)
  return Draw(hits, sizes, stratum, float(truth))


def accuracy_by_size(
  generator: np.random.Generator, simulations: int, *, count: int, slope: float
) -> Draw:
  """Returns patients whose accuracy changes with their number of slices."""

  def mean(sizes: np.ndarray) -> np.ndarray:
    place = np.log(sizes / 5) / np.log(60)
    return np.clip(0.93 + slope * place, 0.01, 0.995)

  sizes = uneven(generator, (simulations, count))
  each = rates(generator, mean(sizes), 0.2)
  hits = generator.binomial(sizes.astype(int), each)
  many = np.exp(np.linspace(np.log(5), np.log(300), 100_001)).round()
  truth = np.average(mean(many), weights=many)
  return Draw(hits, sizes, np.arange(count) % _CLASSES, float(truth))


def rare_hard(
  generator: np.random.Generator, simulations: int, *, count: int
) -> Draw:
  """Returns patients without errors, but for 2 % with errors in half."""
  sizes = uneven(generator, (simulations, count))
  is_hard = generator.random(sizes.shape) < 0.02
  hits = generator.binomial(sizes.astype(int), np.where(is_hard, 0.5, 1.0))
  return Draw(hits, sizes, np.arange(count) % _CLASSES, 0.99)


def confusions(
  generator: np.random.Generator,
  *,
  counts: Sequence[int],
  accuracy: Sequence[float],
  correlation: float,
) -> tuple[np.ndarray, np.ndarray]:
  """Returns confusion matrices `[P, C, C]` of patients, and the true one.

  Errors fall on the other classes alike. The true one has the rates of the
  population and the slices of these patients.
  """
  number = len(counts)
  stratum = np.repeat(np.arange(number), counts)
  sizes = uneven(generator, (len(stratum),)).astype(int)
  means = np.array(accuracy)
  right = rates(generator, means[stratum], correlation)[:, np.newaxis]
  is_own = np.eye(number, dtype=bool)[stratum]
  shares = np.where(is_own, right, (1 - right) / (number - 1))
  drawn = generator.multinomial(sizes, shares)
  found = np.zeros((len(stratum), number, number))
  found[np.arange(len(stratum)), stratum] = drawn
  true = np.where(
    np.eye(number), means, ((1 - means) / (number - 1))[:, np.newaxis]
  )
  return found, true * found.sum(axis=(0, 2))[:, np.newaxis]


def paired_runs(
  generator: np.random.Generator, *, count: int, accuracy: float, gain: float
) -> list[patient_counts.PatientCounts]:
  """Returns runs A and B, which err in the same patients, but not alike.

  B does not make the share `gain` of the errors of A.
  """
  sizes = uneven(generator, (count,)).astype(int)
  shared = rates(generator, np.full(count, accuracy), 0.2)
  hits = [
    generator.binomial(
      sizes, rates(generator, np.clip(mean, 1e-6, 1 - 1e-6), 0.1)
    )
    for mean in (shared, shared + gain * (1 - shared))
  ]
  return [_two_classes(x, sizes) for x in hits]


def _two_classes(
  hits: np.ndarray, sizes: np.ndarray
) -> patient_counts.PatientCounts:
  patient = np.arange(len(hits))
  counts = np.zeros((len(hits), 2, 2))
  counts[patient, patient % 2, patient % 2] = hits
  counts[patient, patient % 2, 1 - patient % 2] = sizes - hits
  values = metrics.from_confusion(counts.sum(axis=0))
  return patient_counts.PatientCounts(values, counts)


class Scores(NamedTuple):
  """A population of scores, normal in each of two classes.

  Attributes:
    shift: between the means of the two classes.
    correlation: of the slices of a patient.
    hard: share of patients of the class who look like those of the other.
  """

  shift: float
  correlation: float
  hard: float = 0.0

  def rates(self) -> tuple[np.ndarray, np.ndarray]:
    """Returns the rates of hits and of false alarms by falling threshold."""
    threshold = np.linspace(self.shift + 9, -9, 6001)
    alarms = scipy.special.ndtr(-threshold)
    hits = scipy.special.ndtr(self.shift - threshold)
    return (1 - self.hard) * hits + self.hard * alarms, alarms

  def areas(self, prevalence: float) -> tuple[float, float]:
    """Returns the true ROC AUC and average precision."""
    hits, alarms = self.rates()
    called = prevalence * hits + (1 - prevalence) * alarms
    precision = prevalence * hits / called
    return (
      float(np.trapezoid(hits, alarms)),
      float(np.trapezoid(precision, hits)),
    )

  def draw(
    self, generator: np.random.Generator, counts: Sequence[int]
  ) -> patient_counts.PatientCounts:
    """Returns the counts of patients of the class and of the other one."""
    return patient_counts.make(self.table(generator, counts))

  def losses(self, prevalence: float, confidence: float) -> dict[str, float]:
    """Returns the true Brier score and negative log-likelihood."""
    place = np.linspace(-9, 9, 6001)
    weight = np.exp(-(place**2) / 2)
    result = {'brier': 0.0, 'nll': 0.0}
    for level, is_class, share in (
      (self.shift, True, prevalence * (1 - self.hard)),
      (0.0, True, prevalence * self.hard),
      (0.0, False, 1 - prevalence),
    ):
      logit = confidence * self.shift * (level + place - self.shift / 2)
      error = np.logaddexp(0, -logit if is_class else logit)
      for name, each in (('nll', error), ('brier', 2 * np.expm1(-error) ** 2)):
        result[name] += share * np.average(each, weights=weight)
    return result

  def table(
    self,
    generator: np.random.Generator,
    counts: Sequence[int],
    *,
    confidence: float | None = None,
  ) -> pd.DataFrame:
    """Returns the predictions table of patients of the class and of the other.

    With a confidence of 1 and without hard patients, the probabilities are
    right where both classes are equally frequent; more is overconfident. None:
    they only have the right order.
    """
    is_class = np.arange(sum(counts)) < counts[0]
    # At most 100 slices, so that a trial of many patients ends soon.
    sizes = np.minimum(uneven(generator, is_class.shape), 100).astype(int)
    is_hard = generator.random(len(is_class)) < self.hard
    level = self.shift * (is_class & ~is_hard)
    level = level + generator.normal(0, self.correlation**0.5, len(is_class))
    patient = np.repeat(np.arange(len(is_class)), sizes)
    noise = generator.normal(0, (1 - self.correlation) ** 0.5, len(patient))
    score = level[patient] + noise
    if confidence is not None:
      score = confidence * self.shift * (score - self.shift / 2)
    return _table(is_class[patient], scipy.special.expit(score), patient)


def _table(
  label: np.ndarray, score: np.ndarray, patient: np.ndarray
) -> pd.DataFrame:
  return predictions.make_table(
    slice_id=np.arange(len(label)),
    patient_id=[f'{x:05d}' for x in patient],
    source=np.full(len(label), ''),
    label=label.astype(int),
    probabilities=np.stack([1 - score, score], axis=1),
    class_names=('other', 'class'),
  )
