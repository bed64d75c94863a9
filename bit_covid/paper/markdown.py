# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tables in markdown, and numbers with significant digits."""

from collections.abc import Sequence
import math
from typing import NamedTuple

NONE = '–'  # noqa: RUF001


class Table(NamedTuple):
  """A table with its title."""

  title: str
  columns: Sequence[str]
  rows: Sequence[Sequence[str]]


def render(
  title: str,
  *,
  caution: str,
  picture: str,
  tables: Sequence[Table],
  notes: Sequence[str],
) -> str:
  """Returns the page of an item.

  Args:
    title: its heading.
    caution: a warning about its numbers, '' for none.
    picture: the file name of its picture.
    tables: the tables in order.
    notes: sentences below the tables.
  """
  parts = [f'# {title}']
  if caution:
    parts.append(f'> **{caution}**')
  parts.append(f'![{title}]({picture})')
  for table in tables:
    parts += [f'## {table.title}', _grid(table)]
  parts.append('\n'.join(f'- {note}' for note in notes))
  return '\n\n'.join(parts) + '\n'


def decimals(slices: int) -> int:
  """Returns how many decimals of a percentage are significant."""
  return 2 if slices > 1000 else 1


def number(value: float | None, places: int, *, sign: bool = False) -> str:
  """Returns the value with so many decimals, a dash for None and NaN."""
  if value is None or math.isnan(value):
    return NONE
  return f'{value:{"+" if sign else ""},.{places}f}'


def between(low: float, high: float, places: int, *, sign: bool = False) -> str:
  """Returns '98.10 to 99.20', or a dash if a bound is NaN."""
  if math.isnan(low) or math.isnan(high):
    return NONE
  return (
    f'{number(low, places, sign=sign)} to {number(high, places, sign=sign)}'
  )


def _grid(table: Table) -> str:
  rows = [table.columns, ['---'] * len(table.columns), *table.rows]
  return '\n'.join(
    f'| {" | ".join(cell.replace("|", "&#124;") for cell in row)} |'
    for row in rows
  )
