# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The results of a COVID-Net run, in the files that ours have."""

from collections.abc import Mapping
from typing import Any

# First: it says how TensorFlow is to start.
import input_pipeline  # isort: skip

from etils import epath
import numpy as np

from bit_covid.analysis import metrics
from bit_covid.analysis import predictions
from bit_covid.base import files


def write_results(
  workdir: epath.Path,
  split: str,
  examples: input_pipeline.Examples,
  outputs: Mapping[str, np.ndarray],
) -> dict[str, Any]:
  """Writes the predictions of a split, and features if any; returns metrics."""
  table = predictions.make_table(
    slice_id=examples.slice_id,
    patient_id=examples.patient_id,
    source=examples.source,
    label=examples.label,
    probabilities=outputs['probabilities'].astype(np.float64),
    class_names=examples.class_names,
  )
  folder = workdir / 'predictions'
  predictions.write(table, folder / f'{split}.csv')
  if 'features' in outputs:
    files.write_npz(
      folder / f'{split}_features.npz',
      {'slice_id': examples.slice_id, 'features': outputs['features']},
    )
  return metrics.summary(metrics.confusion_matrix(table), examples.class_names)
