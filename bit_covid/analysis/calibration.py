# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Measures calibration and fits a temperature.

In a calibrated network, predictions of probability 0.9 are right nine times in
ten. A temperature T above 1 makes all probabilities less extreme without
changing a prediction. Confidence is the probability of the predicted class.
`training.train` and `report.numbers` choose the split that it is fitted on.
"""

import math
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.optimize
import scipy.special

from bit_covid.analysis import aggregation
from bit_covid.analysis import interval as interval_lib
from bit_covid.analysis import intervals
from bit_covid.analysis import predictions
from bit_covid.analysis import ratios

BINS = 15
# The range that is searched for a temperature.
TEMPERATURES = 0.05, 20.0
# A probability of 0 in a table was too small to be written. Its logarithm is
# that of the smallest number instead of minus infinity.
_SMALLEST = np.finfo(np.float64).tiny
# What an error that was not seen can add to a loss: a probability below 1e-12
# is one of the rounding, rather than of the network.
_MOST = -math.log(1e-12)


class Reliability(NamedTuple):
  """Confidence and accuracy in bins of equal width of the confidence.

  A bin includes its upper edge only. Of an empty bin, the mean confidence and
  the accuracy are NaN. `edges` are `[B + 1]`, the others `[B]`. `low` and
  `high` are the bounds of the accuracy's interval over patients.
  """

  edges: np.ndarray
  count: np.ndarray
  confidence: np.ndarray
  accuracy: np.ndarray
  low: np.ndarray
  high: np.ndarray


def measure(table: pd.DataFrame) -> dict[str, float]:
  """Returns `ece`, `brier` and `nll` of a predictions table.

  `ece` is the mean over the bins of |accuracy - confidence|, weighted by their
  counts. `brier` is the mean squared error summed over the classes, from 0 to
  2. `nll` is the mean of -log(probability of the true class), in nats.
  """
  confidence, is_right, place, _ = _binned(table, BINS)
  gaps = np.abs(np.bincount(place, is_right - confidence))
  return {
    'ece': float(gaps.sum() / len(table)),
    **{name: float(each.mean()) for name, each in losses(table).items()},
  }


def losses(table: pd.DataFrame) -> dict[str, np.ndarray]:
  """Returns `brier` and `nll` of each slice, `[N]` float64."""
  label, probabilities = predictions.labelled(table)
  truth = np.eye(probabilities.shape[1])[label]
  return {
    'brier': ((probabilities - truth) ** 2).sum(axis=1),
    'nll': _nll(label, _log(probabilities)),
  }


def reliability(table: pd.DataFrame, *, bins: int = BINS) -> Reliability:
  """Returns the reliability of the predicted classes."""
  confidence, is_right, place, edges = _binned(table, bins)
  count = np.bincount(place, minlength=bins)
  rows = (place == i for i in range(bins))
  each = [
    intervals.mean_interval(table[x], is_right[x], largest=1) for x in rows
  ]
  accuracy = interval_lib.stacked(each)
  return Reliability(
    edges=edges,
    count=count,
    confidence=ratios.ratio(np.bincount(place, confidence, bins), count),
    accuracy=accuracy.value,
    low=accuracy.low,
    high=accuracy.high,
  )


def _binned(
  table: pd.DataFrame, bins: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
  """Returns confidence, whether it is right, and bin `[N]`; edges `[B + 1]`."""
  label, probabilities = predictions.labelled(table)
  confidence = probabilities.max(axis=1)
  edges = np.linspace(0, 1, bins + 1)
  # Rounding can make a probability slightly larger than 1.
  place = np.clip(np.searchsorted(edges, confidence) - 1, 0, bins - 1)
  return confidence, probabilities.argmax(axis=1) == label, place, edges


def fit_temperature(table: pd.DataFrame) -> float:
  """Returns the T that minimizes the `nll` of softmax(log(probabilities) / T).

  Log-probabilities are logits up to a constant, so this is the temperature of
  the logits. It is NaN if the minimum is not inside `TEMPERATURES`: without any
  error, for example, the smallest T is always best.
  """
  label, probabilities = predictions.labelled(table)
  logits = _log(probabilities)
  low, high = np.log(TEMPERATURES)
  found = scipy.optimize.minimize_scalar(
    lambda x: _nll(label, logits / math.exp(x)).mean(),
    bounds=(low, high),
    options={'xatol': 1e-6},
  )
  if min(found.x - low, high - found.x) < 1e-3:
    return math.nan
  return math.exp(found.x)


def temperature_range(
  table: pd.DataFrame, temperature: float
) -> interval_lib.Interval:
  """Returns a fitted temperature with its interval over patients.

  It is that of an M-estimator, by the sandwich of Huber, of log T.
  """
  label, probabilities = predictions.labelled(table)
  logits = _log(probabilities) / temperature
  patient, names = aggregation.patient_indices(table)
  weights = scipy.special.softmax(logits, axis=1)
  mean = (weights * logits).sum(axis=1)
  of_truth = np.take_along_axis(logits, label[:, None], axis=1)[:, 0]
  # First and second derivative of each slice's nll by -log T.
  slope = np.bincount(patient, mean - of_truth, len(names))
  variance = (weights * logits**2).sum(axis=1) - mean**2
  curvature = variance.sum() + slope.sum()
  count = len(names)
  if count < 2 or curvature <= 0:
    return interval_lib.Interval(temperature, *TEMPERATURES)
  error = math.sqrt((slope**2).sum() * count / (count - 1)) / curvature
  t = scipy.special.stdtrit(count - 1, (1 + interval_lib.LEVEL) / 2)
  low, high = np.clip(
    math.log(temperature) + np.array([-t, t]) * error, *np.log(TEMPERATURES)
  )
  return interval_lib.Interval(temperature, math.exp(low), math.exp(high))


def losses_intervals(table: pd.DataFrame) -> dict[str, interval_lib.Interval]:
  """Returns the means of `losses` with their intervals over patients.

  A Brier score is at most 2. A negative log-likelihood has no largest value;
  the largest that was seen, or that of a guess, is taken for it. Where errors
  are few or none, they do not show what errors cost. So the upper bound is at
  least that of what the slices would lose if all were right, and what the
  errors add, of which each slice's probabilities give the most, up to `_MOST`.
  """
  probabilities = predictions.probabilities(table)
  best, worst = (
    losses(table.assign(label=x))
    for x in (probabilities.argmax(axis=1), probabilities.argmin(axis=1))
  )
  guess = math.log(probabilities.shape[1])
  result = {}
  for name, each in losses(table).items():
    largest = 2.0 if name == 'brier' else max(each.max(), guess)
    found = intervals.mean_interval(table, each, largest=largest)
    added = np.maximum(each - best[name], 0)
    most = min((worst[name] - best[name]).max(), _MOST)
    most = max(most, added.max(), _SMALLEST)
    parts = [
      intervals.mean_interval(table, best[name], largest=largest),
      intervals.mean_interval(table, added, largest=most),
    ]
    high = found.value + math.hypot(*(x.high - x.value for x in parts))
    if name == 'brier':
      high = min(high, largest)
    result[name] = found._replace(high=max(found.high, high))
  return result


def apply_temperature(table: pd.DataFrame, temperature: float) -> pd.DataFrame:
  """Returns the table with softmax(log(probabilities) / temperature).

  Raises:
    ValueError: the temperature is not a positive number.
  """
  if not (math.isfinite(temperature) and temperature > 0):
    raise ValueError(
      f'The temperature is {temperature}; expected a positive number, such as '
      'that of fit_temperature.'
    )
  logits = _log(predictions.probabilities(table))
  table = table.copy()
  table[table.columns[len(predictions.ID_COLUMNS) :]] = scipy.special.softmax(
    logits / temperature, axis=1
  )
  return table


def _log(probabilities: np.ndarray) -> np.ndarray:
  return np.log(np.maximum(probabilities, _SMALLEST))


def _nll(label: np.ndarray, logits: np.ndarray) -> np.ndarray:
  log_probabilities = scipy.special.log_softmax(logits, axis=1)
  return -np.take_along_axis(log_probabilities, label[:, None], axis=1)[:, 0]
