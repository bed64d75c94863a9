# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Metrics as tables for a terminal or a log."""

from collections.abc import Mapping
import io
from typing import Any

import rich.box
import rich.console
import rich.table

from bit_covid.analysis import metrics

_HEADINGS = {
  'sensitivity': 'Sensitivity',
  'ppv': 'PPV',
  'specificity': 'Specificity',
  'npv': 'NPV',
}


def format_summary(split: str, summary: Mapping[str, Any]) -> str:
  """Returns the tables of `metrics.summary`: measures, then counts."""
  names = summary['class_names']
  measures = rich.table.Table(
    title=(
      f'{split}: accuracy {summary["accuracy"]:.2%} of '
      f'{summary["slices"]:,} slices'
    ),
    box=rich.box.SIMPLE_HEAD,
    title_justify='left',
  )
  measures.add_column('Class')
  for name in metrics.MEASURES:
    measures.add_column(_HEADINGS[name], justify='right')
  for class_name in names:
    values = [summary[name][class_name] for name in metrics.MEASURES]
    measures.add_row(
      class_name,
      *('undefined' if value is None else f'{value:.2%}' for value in values),
    )
  counts = rich.table.Table(
    title='Slices: truth in rows, prediction in columns',
    box=rich.box.SIMPLE_HEAD,
    title_justify='left',
  )
  counts.add_column('Truth')
  for name in names:
    counts.add_column(name, justify='right')
  for name, row in zip(names, summary['confusion_matrix'], strict=True):
    counts.add_row(name, *(f'{count:,}' for count in row))
  buffer = io.StringIO()
  # In a notebook, rich would show the tables itself and leave nothing here, and
  # FORCE_COLOR is set.
  console = rich.console.Console(
    file=buffer, width=80, force_jupyter=False, force_terminal=False
  )
  console.print(measures)
  console.print(counts)
  return '\n'.join(line.rstrip() for line in buffer.getvalue().splitlines())
