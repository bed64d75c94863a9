# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""How long a report of as many slices as COVIDx CT-2A has takes."""

import time

import numpy as np
import pytest
import scipy.special

from bit_covid import report
from bit_covid.analysis import predictions


@pytest.mark.slow
def test_report_of_a_large_split_takes_at_most_a_minute(tmp_path):
  generator = np.random.default_rng(0)
  folder = tmp_path / 'predictions'
  for split, count, num_patients in (
    ('val', 25_486, 482),
    ('test', 25_658, 426),
  ):
    patient = np.arange(count) % num_patients
    label = patient % 3
    logits = generator.normal(size=(count, 3))
    logits[np.arange(count), label] += 4
    table = predictions.make_table(
      slice_id=[f'{split}{i}' for i in range(count)],
      patient_id=[f'p{i}' for i in patient],
      source=[f'site {i % 5}' for i in patient],
      label=label,
      probabilities=scipy.special.softmax(logits, axis=1),
      class_names=('Normal', 'CP', 'NCP'),
    )
    predictions.write(table, folder / f'{split}.csv')
    features = generator.normal(size=(count, 2048)).astype(np.float32)
    features[:, :3] += 5 * logits
    np.savez(
      folder / f'{split}_features.npz',
      slice_id=table['slice_id'].to_numpy(str),
      features=features,
    )
  start = time.monotonic()
  report.write_report(tmp_path)
  assert time.monotonic() - start <= 60
  page = (tmp_path / 'report' / 'index.html').read_text('utf-8')
  assert '3,000 of 25,658 slices of test, drawn by seed 0' in page
