# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""From a row a slice to a row a patient.

With p_ic the probability of class c on slice i of a patient's n slices, the
patient's probability of class c is

mean   sum_i p_ic / n
max    max_i p_ic, divided by its sum over the classes
top_k  the mean of the min(k, n) largest p_ic of class c, divided likewise
vote   the share of slices whose largest probability is that of class c, the
       first of them where several are equal

`top_k` is `max` for k = 1 and `mean` for k >= n. The more slices a patient has,
the larger a maximum gets by chance: `max` sees numbers of slices, too.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from bit_covid.analysis import metrics
from bit_covid.analysis import predictions

METHODS = ('mean', 'max', 'top_k', 'vote')
_EXAMPLES = 5


def aggregate(
  table: pd.DataFrame, method: str, *, top_k: int = 10
) -> pd.DataFrame:
  """Returns the predictions table with a row a patient, sorted by patient.

  `slice_id` is the patient's, `source` each of its sources, joined by '+'.

  Args:
    table: a predictions table.
    method: one of `METHODS`.
    top_k: how many slices `top_k` takes of a patient and class.

  Raises:
    ValueError: the method is not known; a label or a probability is missing; a
      patient's slices have different labels, or its id is empty. The message
      says which.
  """
  _check(method, top_k)
  label, probabilities = metrics.labelled(table)
  patient, names = numbers(table)
  label_of_patient = _one_label(patient, label, names)
  sources = table['source'].groupby(patient).unique()
  return predictions.make_table(
    slice_id=names,
    patient_id=names,
    source=['+'.join(sorted(values)) for values in sources],
    label=label_of_patient,
    probabilities=_join(
      patient, probabilities, len(names), method=method, top_k=top_k
    ),
    class_names=predictions.class_names(table),
  )


def join_one(
  probabilities: np.ndarray, method: str, *, top_k: int = 10
) -> np.ndarray:
  """Returns `[C]` float64, the probabilities of one patient, whatever it has.

  Args:
    probabilities: of its slices, `[N, C]` with N of 1 or more.
    method: one of `METHODS`.
    top_k: how many slices `top_k` takes of a class.

  Raises:
    ValueError: the method is not known, or there is no slice.
  """
  _check(method, top_k)
  if not len(probabilities):
    raise ValueError('No slice to join; expected one or more.')
  patient = np.zeros(len(probabilities), np.int64)
  return _join(patient, probabilities, 1, method=method, top_k=top_k)[0]


def _check(method: str, top_k: int) -> None:
  if method not in METHODS:
    raise ValueError(
      f'No way {method!r} to join the slices of a patient. Known: '
      f'{", ".join(METHODS)}.'
    )
  if top_k < 1:
    raise ValueError(f'top_k is {top_k}; expected at least one slice.')


def _join(
  patient: np.ndarray,
  probabilities: np.ndarray,
  num_patients: int,
  *,
  method: str,
  top_k: int,
) -> np.ndarray:
  """Returns the probabilities of each patient, `[P, C]`."""
  join: dict[str, Callable[[], np.ndarray]] = {
    'mean': lambda: _mean(patient, probabilities, num_patients),
    'max': lambda: _shares(_top(patient, probabilities, num_patients, k=1)),
    'top_k': lambda: _shares(
      _top(patient, probabilities, num_patients, k=top_k)
    ),
    'vote': lambda: _mean(patient, _votes(probabilities), num_patients),
  }
  return join[method]()


def numbers(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
  """Returns the patient of each slice, `[N]` int64, and their sorted ids `[P]`.

  Raises:
    ValueError: ids are empty; the message counts them.
  """
  patient, names = pd.factorize(table['patient_id'], sort=True)
  empty = (table['patient_id'].isna() | (table['patient_id'] == '')).sum()
  if empty:
    raise ValueError(
      f'{empty} of {len(table)} slices have no patient_id, by which slices '
      'belong together. Fill the column.'
    )
  return patient, np.asarray(names)


def _one_label(
  patient: np.ndarray, label: np.ndarray, names: np.ndarray
) -> np.ndarray:
  """Returns the label of each patient, `[P]`, or names those with several."""
  order = np.argsort(patient, kind='stable')
  starts = np.searchsorted(patient[order], np.arange(len(names)))
  first = label[order][starts]
  mixed = np.unique(patient[label != first[patient]])
  if len(mixed):
    raise ValueError(
      f'{len(mixed)} of {len(names)} patients have slices with different '
      f'labels: {", ".join(names[mixed[:_EXAMPLES]])}'
      f'{", ..." if len(mixed) > _EXAMPLES else ""}. A patient has one label '
      'here; give each label a patient_id of its own, or stay at slices.'
    )
  return first


def _mean(
  patient: np.ndarray, values: np.ndarray, num_patients: int
) -> np.ndarray:
  """Returns the mean of `[N, C]` values over each patient, `[P, C]`."""
  slices = np.bincount(patient, minlength=num_patients)
  sums = [
    np.bincount(patient, weights=column, minlength=num_patients)
    for column in values.T
  ]
  return np.stack(sums, axis=1) / slices[:, np.newaxis]


def _top(
  patient: np.ndarray, values: np.ndarray, num_patients: int, *, k: int
) -> np.ndarray:
  """Returns the mean of a patient's k largest values of a class, `[P, C]`."""
  starts = np.searchsorted(np.sort(patient), np.arange(num_patients))
  columns = []
  for column in values.T:
    order = np.lexsort((-column, patient))
    rank = np.arange(len(order)) - starts[patient[order]]
    top = order[rank < k]
    columns.append(_mean(patient[top], column[top, np.newaxis], num_patients))
  return np.concatenate(columns, axis=1)


def _votes(probabilities: np.ndarray) -> np.ndarray:
  """Returns 1 for the predicted class of each slice and 0 for others."""
  return np.eye(probabilities.shape[1])[probabilities.argmax(axis=1)]


def _shares(values: np.ndarray) -> np.ndarray:
  """Returns the values divided by their sum over the classes."""
  return values / values.sum(axis=1, keepdims=True)
