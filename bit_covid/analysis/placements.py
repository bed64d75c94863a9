# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Placements: what each slice contributes to the area under a ROC curve.

The placement of a slice of a class is the share of the other slices whose
probability of the class is smaller, that of another slice the share of the
class whose probability is larger. Equal probabilities count half. The mean of
either is the area (DeLong, E. R. et al. Biometrics 44, 1988).
"""

import numpy as np


def sums(
  is_class: np.ndarray, probability: np.ndarray, patient: np.ndarray
) -> np.ndarray:
  """Returns the sums of placements over each patient's slices, `[P, 2]`.

  The first column is of the slices of the class, the second of the others; both
  are 0 where there are no slices to compare with.

  Args:
    is_class: of the slices, `[N]` bool.
    probability: of the class, `[N]` float64.
    patient: index of the patient, `[N]` int.
  """
  inside = np.sort(probability[is_class])
  outside = np.sort(probability[~is_class])
  placement = np.where(
    is_class,
    _share_below(probability, outside),
    1 - _share_below(probability, inside),
  )
  result = np.zeros((patient.max(initial=-1) + 1, 2))
  if len(inside) and len(outside):
    np.add.at(result, (patient, (~is_class).astype(int)), placement)
  return result


def _share_below(values: np.ndarray, ordered: np.ndarray) -> np.ndarray:
  below = np.searchsorted(ordered, values, side='left')
  up_to = np.searchsorted(ordered, values, side='right')
  return (below + up_to) / (2 * max(len(ordered), 1))
