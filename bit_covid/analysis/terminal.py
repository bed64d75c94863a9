# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tables for a terminal: with bold headings there, plain text in a pipe."""

from collections.abc import Mapping, Sequence
import sys
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
# Where nobody's window says how wide; no table here needs more.
_PIPE_WIDTH = 100


def new_table(first: str, others: Sequence[str]) -> rich.table.Table:
  """Returns a table without rows; all columns but the first are numbers."""
  view = rich.table.Table(box=rich.box.SIMPLE_HEAD)
  view.add_column(first)
  for heading in others:
    view.add_column(heading, justify='right', no_wrap=True)
  return view


def show(*parts: str | rich.table.Table) -> None:
  """Prints texts as they are, and tables."""
  console = rich.console.Console(
    width=None if sys.stdout.isatty() else _PIPE_WIDTH,
    highlight=False,
    # A notebook shows what is printed, as a pipe does.
    force_jupyter=False,
  )
  for part in parts:
    if not isinstance(part, str):
      with console.capture() as captured:
        console.print(part)
      lines = captured.get().splitlines()
      # Without the blanks that fill each line up.
      part = '\n'.join(line.rstrip() for line in lines)
    print(part, flush=True)


def show_summary(split: str, summary: Mapping[str, Any]) -> None:
  """Prints what `metrics.summary` returns: measures, then counts."""
  names = summary['class_names']
  measures = new_table('Class', [_HEADINGS[x] for x in metrics.MEASURES])
  for class_name in names:
    values = [summary[name][class_name] for name in metrics.MEASURES]
    measures.add_row(
      class_name,
      *('undefined' if value is None else f'{value:.2%}' for value in values),
    )
  counts = new_table('Truth', names)
  for name, row in zip(names, summary['confusion_matrix'], strict=True):
    counts.add_row(name, *(f'{count:,}' for count in row))
  show(
    f'{split}: accuracy {summary["accuracy"]:.2%} of '
    f'{summary["slices"]:,} slices',
    measures,
    'Slices: truth in rows, prediction in columns',
    counts,
  )
