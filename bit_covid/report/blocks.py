# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The parts of a report, independent of its format."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from bit_covid.analysis import figures
from bit_covid.analysis import measure_text


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
  """A section with its heading; `name` is that of its link.

  The answer is a sentence that says what its numbers mean, '' if there is none.
  """

  name: str
  title: str
  blocks: Sequence[Block]
  answer: str = ''


def cell(
  found: Mapping[str, float | None], measure: str, *, is_faint: bool = False
) -> Cell:
  """Returns value and interval of a measure as a cell."""
  text = measure_text.number(found['value'], measure)
  return Cell(text, measure_text.interval(found, measure), is_faint)


def cells(*texts: Any) -> list[Cell]:
  """Returns a cell for each text or count."""
  return [Cell(f'{x:,}' if isinstance(x, int) else str(x)) for x in texts]
