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

from bit_covid.training import slice_record
import input_pipeline


def check(
  examples: input_pipeline.Examples, split: str, paths: Sequence[pathlib.Path]
) -> None:
  """Checks that no slice of a split is in the training of a network.

  A network without the record of its training slices is passed over.

  Args:
    examples: the split.
    split: its name, for the message.
    paths: files of the networks, in their work directories.

  Raises:
    ValueError: slices of the split were in the training of a network.
  """
  for path in paths:
    known = slice_record.digests(epath.Path(path.parent), 'train')
    seen = np.array([str(x) in known for x in examples.digest])
    if seen.any():
      patients = len(np.unique(examples.patient_id[seen]))
      raise ValueError(
        f'{path.parent} was trained on {seen.sum():,} of {len(examples):,} '
        f'slices of {split}, of {patients:,} patients, so the ensemble would '
        'look better than it is. Evaluate it on other patients; each fold of a '
        'cross-validation has its own test.'
      )
