# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Small predictions tables."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest

from bit_covid.analysis import predictions


@pytest.fixture(scope='session')
def make_table() -> Callable[..., pd.DataFrame]:
  """Makes a table of slices of as many patients, from labels and p."""

  def make(
    label: Sequence[int] | np.ndarray,
    probabilities: Sequence[Sequence[float]] | np.ndarray,
  ) -> pd.DataFrame:
    probabilities = np.asarray(probabilities, float)
    names = [f's{i}' for i in range(len(label))]
    return predictions.make_table(
      slice_id=names,
      patient_id=names,
      source=names,
      label=np.asarray(label),
      probabilities=probabilities,
      class_names='abc'[: probabilities.shape[1]],
    )

  return make
