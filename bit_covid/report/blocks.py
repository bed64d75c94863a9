# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The parts of a report, independent of its format."""

from collections.abc import Mapping, Sequence
import math
from typing import Any, NamedTuple

import pandas as pd

from bit_covid.analysis import figures
from bit_covid.analysis import terminal

# Measures that are shares are shown in percent, the others as they are.
_NOT_IN_PERCENT = ('mcc', 'kappa', 'roc_auc', 'average_precision')
HEADINGS = {
  **{
    name: heading if name in _NOT_IN_PERCENT else f'{heading}, %'
    for name, heading in terminal.HEADINGS.items()
  },
  'ece': 'Expected calibration error, %',
  'brier': 'Brier score',
  'nll': 'Negative log-likelihood',
  'inside': 'Energy inside, %',
}
# Small where a network is good.
_DECIMALS = {'brier': 4, 'nll': 4}
_AREAS = ('roc_auc', 'average_precision')
_MOST_DECIMALS = 5
UNDEFINED = 'undefined'


class Cell(NamedTuple):
  """A cell of a table; the detail is printed below the text, smaller."""

  text: str
  detail: str = ''
  is_faint: bool = False


class Text(NamedTuple):
  """A paragraph."""

  text: str
  kind: str = 'text'


class Note(NamedTuple):
  """A highlighted paragraph."""

  text: str
  kind: str = 'note'


class Table(NamedTuple):
  """A table; the first cell of each row is its heading."""

  caption: str
  head: Sequence[str]
  rows: Sequence[Sequence[Cell]]
  kind: str = 'table'

  def to_frame(self) -> pd.DataFrame:
    """Returns the table as text for a notebook, details in brackets."""
    rows = [
      [f'{x.text} ({x.detail})' if x.detail else x.text for x in row]
      for row in self.rows
    ]
    return pd.DataFrame(rows, columns=list(self.head)).set_index(self.head[0])


class Pictures(NamedTuple):
  """Figures, side by side where there is space."""

  pictures: Sequence[figures.Picture]
  kind: str = 'pictures'


Block = Text | Note | Table | Pictures


class Section(NamedTuple):
  """A section with its heading; `name` is that of its link."""

  name: str
  title: str
  blocks: Sequence[Block]


def number(value: float | None, measure: str) -> str:
  """Returns the text of a value; `measure` is a key of `HEADINGS`."""
  if value is None:
    return UNDEFINED
  if HEADINGS[measure].endswith('%'):
    return share(value)
  decimals = _DECIMALS.get(measure, 3)
  if measure in _AREAS:
    decimals = max(decimals, _decimals_to(1 - value))
  return f'{value:.{decimals}f}'


def probability(value: float) -> str:
  """Returns two digits of the distance from a probability to 0 or to 1."""
  return f'{value:.{max(2, _decimals_to(min(value, 1 - value)))}f}'


def _decimals_to(distance: float) -> int:
  """Returns how many decimals show two digits of it, 0 if it is too small."""
  if distance < 10**-_MOST_DECIMALS:
    return 0
  return min(1 - math.floor(math.log10(distance)), _MOST_DECIMALS)


def share(value: float | None, *, decimals: int = 2) -> str:
  """Returns a share in percent, without the sign."""
  return UNDEFINED if value is None else f'{100 * value:.{decimals}f}'


def interval(found: Mapping[str, float | None], measure: str) -> str:
  """Returns '96.30 to 99.26', 'no interval', or '' without a value."""
  if found['value'] is None:
    return ''
  if found['low'] is None:
    return 'no interval'
  return f'{number(found["low"], measure)} to {number(found["high"], measure)}'


def cell(
  found: Mapping[str, float | None], measure: str, *, is_faint: bool = False
) -> Cell:
  """Returns value and interval of a measure as a cell."""
  text = number(found['value'], measure)
  return Cell(text, interval(found, measure), is_faint)


def cells(*texts: Any) -> list[Cell]:
  """Returns a cell for each text or count."""
  return [Cell(f'{x:,}' if isinstance(x, int) else str(x)) for x in texts]
