# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Prints what runs cost before they start."""

from collections.abc import Callable, Mapping, Sequence

from bit_covid.analysis import terminal
from bit_covid.base import progress
from bit_covid.training import cost


def show(
  rows: Mapping[str, Sequence[cost.Cost]],
  seconds: Callable[[Sequence[cost.Cost]], float] | None = None,
) -> None:
  """Prints a row for each sequence of costs, by its name.

  Args:
    rows: the costs.
    seconds: how long such runs take; None: not known.
  """
  headings = ['Runs', 'Steps', 'Trained', 'Evaluated', 'PFLOP']
  view = terminal.new_table('', [*headings, *(['Hours'] if seconds else [])])
  for name, costs in rows.items():
    *counts, operations = cost.total(costs)
    # Three digits, such as '1,110' for 1112.3 and '0.0012' for 0.00123.
    petaflop = f'{float(f"{operations / 1e15:.3g}"):,.15g}'
    cells = [*(f'{count:,}' for count in counts), petaflop]
    if seconds:
      cells.append(f'{seconds(costs) / 3600:,.1f}')
    view.add_row(name, *cells)
  terminal.show(view)
  progress.say(
    'Images, of which one that is trained on takes three times the operations '
    'of one that is evaluated.'
  )
