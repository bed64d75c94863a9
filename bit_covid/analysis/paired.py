# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Differences of two runs on the same slices, and whether they are chance."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bit_covid.analysis import interval as interval_lib
from bit_covid.analysis import intervals
from bit_covid.analysis import metrics
from bit_covid.analysis import mover
from bit_covid.analysis import patient_counts
from bit_covid.analysis import predictions
from bit_covid.analysis import ratios

Interval = interval_lib.Interval
# All flips are tried if there are at most so many patients.
_EXACT = 14
_FLIPS = 20_000
# Sums of the same numbers in another order may differ in their last bits.
_ROUNDING = 1e-12


def difference(
  table_a: pd.DataFrame, table_b: pd.DataFrame
) -> dict[str, Interval]:
  """Returns B minus A of every measure.

  Predictions tables of different classes, slices, labels or patients raise a
  ValueError; their order may differ.
  """
  return differences(*([run] for run in _aligned(table_a, table_b)))


def differences(
  runs_a: Sequence[patient_counts.PatientCounts],
  runs_b: Sequence[patient_counts.PatientCounts],
) -> dict[str, Interval]:
  """Returns mean(B) - mean(A) of each measure, paired by patient.

  A and B are runs, and may differ in their number.
  """
  patient_counts.check_same([*runs_a, *runs_b])
  a, b = patient_counts.mean(runs_a), patient_counts.mean(runs_b)
  found_a, found_b = intervals.of_counts(a), intervals.of_counts(b)
  parts_a, parts_b = _contributions(a), _contributions(b)
  return {
    name: mover.difference(
      found_a[name], found_b[name], _correlation(parts_a[name], parts_b[name])
    )
    for name in found_a
  }


def chance_of_accuracy(table_a: pd.DataFrame, table_b: pd.DataFrame) -> float:
  """Returns how likely chance makes accuracies differ as much, from 0 to 1.

  If A and B are equally good, each patient's difference might as well have the
  other sign. The result is the share of all choices of signs, or of a sample of
  them, with a sum at least as far from 0: the two-sided p value.
  """
  a, b = _aligned(table_a, table_b, with_areas=False)
  return sign_flips(np.trace(b.counts - a.counts, axis1=1, axis2=2))


def sign_flips(differences: np.ndarray) -> float:
  """Returns the two-sided p value of the sum of `[P]` differences."""
  differences = differences[differences != 0]
  count = len(differences)
  if count <= _EXACT:
    numbers = np.arange(2**count)[:, np.newaxis]
    flips, extra = (numbers >> np.arange(count)) & 1, 0
  else:
    generator = np.random.default_rng(0)
    flips = generator.integers(0, 2, (_FLIPS, count), np.int8)
    # The signs that were seen are one of the choices.
    extra = 1
  sums = np.abs((1 - 2 * flips.astype(np.float64)) @ differences)
  is_as_far = sums >= np.abs(differences.sum()) * (1 - _ROUNDING)
  return float((is_as_far.sum() + extra) / (len(sums) + extra))


def _aligned(
  table_a: pd.DataFrame, table_b: pd.DataFrame, *, with_areas: bool = True
) -> list[patient_counts.PatientCounts]:
  tables = table_a, predictions.align(table_a, table_b)
  return [patient_counts.make(x, with_areas=with_areas) for x in tables]


def _contributions(
  found: patient_counts.PatientCounts,
) -> dict[str, np.ndarray]:
  """Returns what each patient adds to each measure, `[P]` or `[P, C]`.

  It is the change if the patient is left out and the others of its class take
  its place.
  """
  total = found.counts.sum(axis=0)
  rest = total - found.counts
  size = total.sum(axis=1)[:, np.newaxis]
  rest = rest * ratios.ratio(size, rest.sum(axis=2, keepdims=True))
  values = metrics.from_confusion(total)
  result = {
    name: np.nan_to_num(each - values[name])
    # Without its only patient a class has no measure.
    for name, each in metrics.from_confusion(rest).items()
  }
  if found.placements is not None:
    slices = found.slices
    slices = np.stack([slices, slices.sum(axis=1, keepdims=True) - slices], -1)
    mean = ratios.ratio(found.placements.sum(axis=0), slices.sum(axis=0))
    error = (found.placements - mean * slices) / np.maximum(slices.sum(0), 1)
    result['roc_auc'] = result['average_precision'] = -error.sum(axis=2)
  return result


def _correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
  """Returns the correlation of contributions `[P, ...]`, 0 without any.

  It is drawn towards 0 with the weight of one patient: of few patients, as high
  a correlation as is seen may be chance.
  """
  count = ((np.abs(a) > _ROUNDING) | (np.abs(b) > _ROUNDING)).sum(axis=0)
  a, b = (x - x.mean(axis=0) for x in (a, b))
  spread = np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0))
  found = np.nan_to_num(ratios.ratio((a * b).sum(axis=0), spread))
  return found * count / (count + 1)
