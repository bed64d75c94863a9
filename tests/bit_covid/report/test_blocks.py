# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Blocks of a report outside of a report."""

from bit_covid.report import blocks


def test_table_as_a_frame():
  table = blocks.Table(
    'Caption',
    ['Split', 'Accuracy, %'],
    [
      [
        blocks.Cell('val'),
        blocks.cell({'value': 0.9, 'low': 0.8, 'high': 1.0}, 'accuracy'),
      ],
      blocks.cells('test', 'undefined'),
    ],
  )
  assert table.to_frame().to_dict() == {
    'Accuracy, %': {'val': '90.00 (80.00 to 100.00)', 'test': 'undefined'}
  }
