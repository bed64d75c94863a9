# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a predictions table says of each patient, as intervals need it."""

from collections.abc import Mapping, Sequence
import dataclasses

import numpy as np
import pandas as pd

from bit_covid.analysis import aggregation
from bit_covid.analysis import metrics
from bit_covid.analysis import placements as placements_lib
from bit_covid.analysis import predictions


@dataclasses.dataclass(frozen=True)
class PatientCounts:
  """A predictions table of P patients and C classes, summed by patient.

  Attributes:
    values: each measure of the table, by name; a float or `[C]`.
    counts: the confusion matrix of each patient, `[P, C, C]` float64.
    placements: those of each patient's slices of each class and of the other
      slices, `[P, C, 2]` float64; None without areas under curves.
  """

  values: Mapping[str, float | np.ndarray]
  counts: np.ndarray
  placements: np.ndarray | None = None

  @property
  def slices(self) -> np.ndarray:
    """The number of slices of each patient and class, `[P, C]` float64."""
    return self.counts.sum(axis=2)

  @property
  def num_slices(self) -> int:
    """The number of slices of all patients."""
    return round(self.counts.sum())


def make(table: pd.DataFrame, *, with_areas: bool = True) -> PatientCounts:
  """Returns the counts of a predictions table, patients sorted by their ids.

  The areas under curves are slow; `with_areas=False` leaves them out.
  """
  label, probabilities = predictions.labelled(table)
  num_classes = probabilities.shape[1]
  patient, names = aggregation.patient_indices(table)
  counts = np.zeros((len(names), num_classes, num_classes))
  np.add.at(counts, (patient, label, probabilities.argmax(axis=1)), 1)
  if not with_areas:
    return PatientCounts(metrics.from_confusion(counts.sum(axis=0)), counts)
  placements = [
    placements_lib.sums(label == i, probabilities[:, i], patient)
    for i in range(num_classes)
  ]
  return PatientCounts(
    metrics.measure(table), counts, np.stack(placements, axis=1)
  )


def mean(runs: Sequence[PatientCounts]) -> PatientCounts:
  """Returns the means over runs on the same slices.

  A measure that is undefined in one of the runs is NaN.

  Raises:
    ValueError: there are no runs, or they are of different slices.
  """
  check_same(runs)
  values = {
    name: np.mean([run.values[name] for run in runs], axis=0)
    for name in runs[0].values
  }
  counts = np.mean([run.counts for run in runs], axis=0)
  if any(run.placements is None for run in runs):
    return PatientCounts(values, counts)
  placements = np.mean([run.placements for run in runs], axis=0)
  return PatientCounts(values, counts, placements)


def check_same(runs: Sequence[PatientCounts]) -> None:
  """Checks that there are runs, all on the same slices.

  Raises:
    ValueError: they are not.
  """
  if not runs:
    raise ValueError('There are 0 runs; expected at least one for a mean.')
  slices = runs[0].slices
  if not all(np.array_equal(other.slices, slices) for other in runs[1:]):
    raise ValueError(
      f'The {len(runs)} runs are not of the same patients with the same '
      'slices. Compare runs on the same split of the same data.'
    )
