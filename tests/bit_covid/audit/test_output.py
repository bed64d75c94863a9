# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What an audit says of the data set as a whole."""

from bit_covid.audit import output


def test_patients_are_counted_only_if_somebody_named_them(make_table):
  table = make_table(patients=2)
  count = len(table)
  patients = table['patient_id'].nunique()
  splits = f'(train {count // 2}, test {count // 2})'
  known = output.headline('data.csv', table)
  assert known == f'data.csv: {count} slices of {patients} patients {splits}.'
  unknown = table.assign(patient_id=table['slice_id'])
  assert output.headline('data.csv', unknown) == (
    f'data.csv: {count} slices {splits}.'
  )
