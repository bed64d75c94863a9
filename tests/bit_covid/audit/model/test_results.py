# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Rows of results."""

import pandas as pd

from bit_covid.audit.model import results


def test_patients_are_counted_only_if_somebody_named_them():
  named = pd.DataFrame(
    {
      'slice_id': list('abcd'),
      'patient_id': list('ppqq'),
      'source': ['hospital'] * 4,
      'label': [0, 0, 1, 1],
      'p_Normal': [0.9, 0.2, 0.1, 0.4],
      'p_NCP': [0.1, 0.8, 0.9, 0.6],
    }
  )
  unnamed = named.assign(patient_id=named['slice_id'])
  rows = results.compare({'named': named, 'unnamed': unnamed}, 'Data')
  assert rows['Patients'].tolist() == [2, 'not known']
  assert rows['Slices'].tolist() == [4, 4]
  assert rows['Accuracy'].str.startswith('75.0 %').all()
