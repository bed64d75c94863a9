# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""How often the network was right on patients with a number like a scan's.

The number of a scan is the probability of its predicted class. A patient is
similar if the same class was predicted with a probability near to it. What is
counted among similar patients needs no model of the probabilities, so it also
holds where these are not calibrated.
"""

from typing import NamedTuple

import numpy as np

from bit_covid.analysis import interval as interval_lib
from bit_covid.analysis import proportion_interval

# So many of the nearest patients are counted: if the network was right on all
# of them, the interval begins at 91 %. More would be less similar.
NEAREST = 40
# Fewer tell too little: if the network was right on all ten, the interval
# begins at 69 %, and with fewer, below two of three.
FEWEST = 10
# A probability differs by no more than this from a similar one. Otherwise,
# where no number is like that of the scan, the next best would speak for it.
WITHIN = 0.1


class Patients(NamedTuple):
  """What a network said of P patients whose class is known.

  Attributes:
    label: the class, `[P]` int.
    probabilities: the means over the patient's slices, `[P, C]` float64.
    slices: their number, `[P]` int.
  """

  label: np.ndarray
  probabilities: np.ndarray
  slices: np.ndarray


class Similar(NamedTuple):
  """Patients whose number is like that of a scan.

  Attributes:
    count: of the patients.
    right: on how many of them the network was right.
    lowest: the lowest of their numbers.
    highest: the highest.
    share: `right` as a share of `count`, with its interval.
  """

  count: int
  right: int
  lowest: float
  highest: float
  share: interval_lib.Interval


def find(patients: Patients, probabilities: np.ndarray) -> Similar:
  """Returns the nearest of the patients that are similar to a scan.

  Args:
    patients: with the same classes.
    probabilities: of the scan, `[C]`.
  """
  predicted = probabilities.argmax()
  is_alike = patients.probabilities.argmax(axis=1) == predicted
  numbers = patients.probabilities[is_alike, predicted]
  is_right = patients.label[is_alike] == predicted
  distance = np.abs(numbers - probabilities[predicted])
  # Patients that are equally near count alike, so there may be a few more.
  farthest = np.sort(distance)[:NEAREST].max(initial=0)
  is_near = distance <= min(farthest, WITHIN)
  numbers, is_right = numbers[is_near], is_right[is_near]
  ones, stratum = np.ones(len(numbers)), np.zeros(len(numbers), np.int64)
  return Similar(
    count=len(numbers),
    right=int(is_right.sum()),
    lowest=float(numbers.min(initial=1)),
    highest=float(numbers.max(initial=0)),
    share=proportion_interval.interval(is_right, ones, stratum),
  )
