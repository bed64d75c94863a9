# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a report is made of, whether it becomes HTML or Markdown."""

from collections.abc import Mapping, Sequence
import dataclasses
from typing import Any, NamedTuple

import pandas as pd

from bit_covid.analysis import figures

# Measures that are shares are shown in percent, the others as they are.
HEADINGS = {
  'accuracy': 'Accuracy, %',
  'balanced_accuracy': 'Balanced accuracy, %',
  'mcc': 'MCC',
  'kappa': 'Kappa',
  'sensitivity': 'Sensitivity, %',
  'specificity': 'Specificity, %',
  'ppv': 'PPV, %',
  'npv': 'NPV, %',
  'f1': 'F1, %',
  'roc_auc': 'ROC AUC',
  'average_precision': 'Average precision',
  'ece': 'Expected calibration error, %',
  'brier': 'Brier score',
  'nll': 'Negative log-likelihood',
  'inside': 'Energy inside, %',
}
# Small where a network is good.
_DECIMALS = {'brier': 4, 'nll': 4}
UNDEFINED = 'undefined'


class Cell(NamedTuple):
  """A cell of a table: what it says and, smaller, what belongs to it."""

  text: str
  detail: str = ''
  is_faint: bool = False


@dataclasses.dataclass(frozen=True)
class Text:
  """A paragraph."""

  text: str
  kind: str = 'text'


@dataclasses.dataclass(frozen=True)
class Note:
  """A paragraph that must not be overlooked."""

  text: str
  kind: str = 'note'


@dataclasses.dataclass(frozen=True)
class Table:
  """A table; the first cell of a row says what the row is."""

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


@dataclasses.dataclass(frozen=True)
class Pictures:
  """Figures, side by side where there is room."""

  pictures: Sequence[figures.Picture]
  kind: str = 'pictures'


Block = Text | Note | Table | Pictures


@dataclasses.dataclass(frozen=True)
class Section:
  """A heading and what is below it."""

  name: str
  title: str
  blocks: Sequence[Block]


def number(value: float | None, measure: str) -> str:
  """Returns a value of a measure in HEADINGS as it is printed."""
  if value is None:
    return UNDEFINED
  if HEADINGS[measure].endswith('%'):
    return f'{100 * value:.2f}'
  return f'{value:.{_DECIMALS.get(measure, 3)}f}'


def share(value: float | None, *, decimals: int = 2) -> str:
  """Returns a share in percent, without the sign."""
  return UNDEFINED if value is None else f'{100 * value:.{decimals}f}'


def interval(found: Mapping[str, float | None], measure: str) -> str:
  """Returns '96.30 to 99.26', or that there is none; '' of no value."""
  if found['value'] is None:
    return ''
  if found['low'] is None:
    return 'no interval'
  return f'{number(found["low"], measure)} to {number(found["high"], measure)}'


def cell(
  found: Mapping[str, float | None], measure: str, *, is_faint: bool = False
) -> Cell:
  """Returns value and interval of a measure as a cell."""
  return Cell(
    number(found['value'], measure), interval(found, measure), is_faint
  )


def cells(*texts: Any) -> list[Cell]:
  """Returns a cell a text."""
  return [Cell(str(text)) for text in texts]


def plural(count: int, noun: str) -> str:
  """Returns '1 slice', '2,000 slices'."""
  return f'{count:,} {noun}{"s" * (count != 1)}'
