# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""How often chance alone makes classes differ as much as they do.

The labels are shuffled among the patients, not among the slices: slices of a
patient are alike, so that a few patients make classes differ by chance.
"""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

# A difference is a warning if so small a share of the shuffles is as large. An
# audit has five such checks.
RARE = 0.005
# Of a comparison that is cheap.
SHUFFLES = 999


def shuffles(
  label: pd.Series, patient: pd.Series, *, count: int, seed: int
) -> Iterator[np.ndarray]:
  """Yields the true labels, then shuffled ones `count` times, `[N]` int64.

  A patient with slices of two classes counts as two.

  Args:
    label: of N slices.
    patient: of each slice.
    count: of the shuffles.
    seed: of the shuffles.
  """
  codes, classes = pd.factorize(label)
  people, _ = pd.factorize(patient)
  _, first, unit = np.unique(
    people * len(classes) + codes, return_index=True, return_inverse=True
  )
  generator = np.random.default_rng(seed)
  yield codes
  for _ in range(count):
    yield generator.permutation(codes[first])[unit]


def chance(
  measure: Callable[[np.ndarray], float],
  label: pd.Series,
  patient: pd.Series,
  *,
  seed: int,
) -> float:
  """Returns how likely chance makes a measure of the labels as large.

  Args:
    measure: from labels, `[N]` int64, to a number.
    label: of N slices.
    patient: of each slice.
    seed: of the shuffles.
  """
  real, *shuffled = (
    measure(each)
    for each in shuffles(label, patient, count=SHUFFLES, seed=seed)
  )
  return (1 + sum(x >= real for x in shuffled)) / (1 + SHUFFLES)
