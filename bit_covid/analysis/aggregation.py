# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Aggregates the probabilities of slices to those of a patient or a scan.

With p_ic the probability of class c on slice i of n slices, the aggregated
probability of class c is

mean   sum_i p_ic / n
max    max_i p_ic, divided by its sum over the classes
top_k  the mean of the min(k, n) largest p_ic, divided by its sum likewise
vote   the share of slices that are predicted as class c; where several classes
       have the most slices, the one with the largest mean is predicted

`top_k` equals `max` for k = 1 and `mean` for k >= n. A maximum grows by chance
with the number of slices, so `max` depends on that number as well.
"""

import numpy as np
import pandas as pd

from bit_covid.analysis import predictions

# How much of the mean is added to tied votes.
_TIE = 1e-6
METHODS = ('mean', 'max', 'top_k', 'vote')


def aggregate_patients(
  table: pd.DataFrame, method: str, *, top_k: int = 10
) -> pd.DataFrame:
  """Returns a predictions table with one row for each patient, sorted by id.

  `slice_id` is the patient's id, `source` all of its sources, joined by '+'.
  Slices of a patient must have the same label.
  """
  label, probabilities = predictions.labelled(table)
  patient, names = patient_indices(table)
  sources = table['source'].groupby(patient).unique()
  return predictions.make_table(
    slice_id=names,
    patient_id=names,
    source=['+'.join(sorted(values)) for values in sources],
    label=_patient_labels(patient, label, names),
    probabilities=_aggregate(patient, probabilities, method, top_k),
    class_names=predictions.class_names(table),
  )


def aggregate_slices(
  probabilities: np.ndarray, method: str, *, top_k: int = 10
) -> np.ndarray:
  """Returns `[C]` probabilities of a scan or patient from `[N, C]` of slices.

  Raises:
    ValueError: the method is unknown, or there are no slices.
  """
  if not len(probabilities):
    raise ValueError('0 slices to aggregate; expected at least one.')
  patient = np.zeros(len(probabilities), np.int64)
  return _aggregate(patient, probabilities, method, top_k)[0]


def tied_votes(table: pd.DataFrame) -> int:
  """Returns the number of patients whose votes the mean has to decide."""
  patient, _ = patient_indices(table)
  _, is_tied = _votes(predictions.probabilities(table), patient)
  return int(is_tied.sum())


def patient_indices(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
  """Returns each slice's index `[N]` int64 into the sorted patient ids `[P]`.

  Raises:
    ValueError: ids are empty; the message counts them.
  """
  patient, names = pd.factorize(table['patient_id'], sort=True)
  empty = (table['patient_id'].isna() | (table['patient_id'] == '')).sum()
  if empty:
    raise ValueError(
      f'{empty} of {len(table)} slices have no patient_id, which says which '
      'slices belong together. Fill the column.'
    )
  return patient, np.asarray(names)


def _aggregate(
  patient: np.ndarray, probabilities: np.ndarray, method: str, top_k: int
) -> np.ndarray:
  if method not in METHODS:
    raise ValueError(
      f'Unknown aggregation method {method!r}; expected one of '
      f'{", ".join(METHODS)}.'
    )
  if top_k < 1:
    raise ValueError(f'top_k is {top_k}; expected at least one slice.')
  if method == 'mean':
    return _mean(probabilities, patient)
  if method == 'vote':
    return _vote(probabilities, patient)
  k = 1 if method == 'max' else top_k
  # The k largest values belong to different slices for each class.
  values = np.stack([_top_mean(x, patient, k) for x in probabilities.T], axis=1)
  return values / values.sum(axis=1, keepdims=True)


def _mean(values: np.ndarray, patient: np.ndarray) -> np.ndarray:
  """Returns each patient's mean of `[N, ...]` values, `[P, ...]` float64."""
  count = np.bincount(patient)
  sums = np.zeros((len(count), *values.shape[1:]))
  np.add.at(sums, patient, values)
  return (sums.T / count).T


def _vote(probabilities: np.ndarray, patient: np.ndarray) -> np.ndarray:
  """Returns the share of each patient's slices by predicted class."""
  shares, is_tied = _votes(probabilities, patient)
  # As little of the mean as decides, so that tied shares are still seen to be.
  mixed = (1 - _TIE) * shares + _TIE * _mean(probabilities, patient)
  return np.where(is_tied[:, np.newaxis], mixed, shares)


def _votes(
  probabilities: np.ndarray, patient: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
  """Returns the share of votes by class, and whether several have the most."""
  votes = np.eye(probabilities.shape[1])[probabilities.argmax(axis=1)]
  shares = _mean(votes, patient)
  is_most = shares == shares.max(axis=1, keepdims=True)
  return shares, is_most.sum(axis=1) > 1


def _top_mean(values: np.ndarray, patient: np.ndarray, k: int) -> np.ndarray:
  """Returns the mean of each patient's k largest values, `[P]` float64."""
  order = np.argsort(-values, kind='stable')
  rank = pd.Series(order).groupby(patient[order]).cumcount().to_numpy()
  largest = order[rank < k]
  return _mean(values[largest], patient[largest])


def _patient_labels(
  patient: np.ndarray, label: np.ndarray, names: np.ndarray
) -> np.ndarray:
  labels = pd.Series(label).groupby(patient)
  mixed = names[labels.nunique() > 1]
  if len(mixed):
    raise ValueError(
      f'{len(mixed)} of {len(names)} patients have slices with different '
      f'labels: {predictions.examples(mixed)}. A patient has one label '
      'here; give each label a patient_id of its own, or use the results by '
      'slice.'
    )
  return labels.first().to_numpy()
