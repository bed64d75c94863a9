# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The cells of markdown tables."""

from collections.abc import Mapping, Sequence
import math
from typing import NamedTuple

from bit_covid.analysis import interval as interval_lib
from bit_covid.analysis import intervals

NONE = '–'  # noqa: RUF001


class Table(NamedTuple):
  """A table with its title; each row has the same columns, by heading."""

  title: str
  rows: Sequence[Mapping[str, str]]

  def render(self) -> str:
    """Returns the markdown."""
    lines = [
      self.rows[0],
      ['---'] * len(self.rows[0]),
      *(row.values() for row in self.rows),
    ]
    return '\n'.join(
      f'| {" | ".join(cell.replace("|", "&#124;") for cell in line)} |'
      for line in lines
    )


def number(value: float | None, places: int, *, sign: bool = False) -> str:
  """Returns the value with so many decimals, a dash for None and NaN."""
  if value is None or math.isnan(value):
    return NONE
  return f'{value:{"+" if sign else ""},.{places}f}'


def between(low: float, high: float, places: int, *, sign: bool = False) -> str:
  """Returns '98.10 to 99.20', or a dash if a bound is NaN."""
  if math.isnan(low) or math.isnan(high):
    return NONE
  return ' to '.join(number(x, places, sign=sign) for x in (low, high))


def with_interval(
  numbers: intervals.Repeated | interval_lib.Interval,
  places: int,
  *,
  sign: bool = False,
) -> str:
  """Returns '98.70 (98.10 to 99.20)', without brackets if a bound is NaN."""
  value = number(numbers.value, places, sign=sign)
  bounds = between(numbers.low, numbers.high, places, sign=sign)
  return value if bounds == NONE else f'{value} ({bounds})'
