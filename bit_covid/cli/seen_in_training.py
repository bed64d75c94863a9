# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Whether the networks of an ensemble were trained on what they are tested on.

The folds of a cross-validation were: what one of them is tested on, the others
are trained on.
"""

from collections.abc import Sequence
import pathlib

from etils import epath
import numpy as np
import pandas as pd

from bit_covid.training import slice_record
import input_pipeline


def check(
  examples: input_pipeline.Examples,
  split: str,
  paths: Sequence[pathlib.Path],
  *,
  is_same_data: bool,
) -> list[str]:
  """Returns notes on networks that do not say what they were trained on.

  Args:
    examples: the split.
    split: its name, for messages.
    paths: files of the networks, in their work directories.
    is_same_data: whether the networks were trained on data of this name, so
      that equal patient ids are those of one patient.

  Raises:
    ValueError: slices or patients of the split were in the training of a
      network.
  """
  notes = []
  for path in paths:
    known = slice_record.find(epath.Path(path.parent), 'train')
    if known is None:
      notes.append(
        f'{path.parent} does not say on which slices it was trained, so '
        f'nobody knows whether slices of {split} are among them.'
      )
      continue
    seen = _is_in(examples.digest, known['digest'])
    if is_same_data:
      seen |= _is_in(examples.patient_id, known['patient_id'])
    if seen.any():
      patients = len(np.unique(examples.patient_id[seen]))
      raise ValueError(
        f'{path.parent} was trained on {patients:,} patients of {split}, who '
        f'have {seen.sum():,} of its {len(examples):,} slices, so the ensemble '
        'would look better than it is. Evaluate it on other patients; each '
        'fold of a cross-validation has a test of its own.'
      )
  return notes


def _is_in(values: np.ndarray, known: pd.Series) -> np.ndarray:
  names = set(known) - {''}
  return np.array([str(x) in names for x in values])
