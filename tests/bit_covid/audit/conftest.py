# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A data set without any leak, for tests to put one in."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

CLASSES = ('Normal', 'CP', 'NCP')


@pytest.fixture
def make_table() -> Callable[..., pd.DataFrame]:
  """Makes 6 slices of each of 10 patients a class and split, at random."""

  def make(*, patients=10, slices=6, splits=('train', 'test'), seed=0):
    generator = np.random.default_rng(seed)
    rows = []
    for split in splits:
      for label in CLASSES:
        for i in range(patients):
          patient = f'{split}_{label}_{i}'
          rows += [
            {
              'split': split,
              'slice_id': f'{patient}_{number}.png',
              'patient_id': patient,
              'source': 'AB'[i % 2],
              'label': label,
              'digest': f'{patient}:{number}',
            }
            for number in range(slices)
          ]
    table = pd.DataFrame(rows)
    corners = generator.integers(0, 40, [len(table), 2])
    table[['xmin', 'ymin']] = corners
    table[['xmax', 'ymax']] = corners + generator.integers(
      60, 90, corners.shape
    )
    return table

  return make
