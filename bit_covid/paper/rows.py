# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""One number of a model: measured here, published, or both."""

from collections.abc import Iterable, Sequence
import dataclasses
import math
from typing import Any

from bit_covid.analysis import interval as interval_lib
from bit_covid.analysis import intervals
from bit_covid.analysis import published as published_tables
from bit_covid.paper import grid
from bit_covid.paper import markdown
from bit_covid.paper import published_points
from bit_covid.paper import results

OURS, LIVE, PUBLISHED = 'ours', 'live', 'published'
_PUBLISHED = {row.model: row for row in published_tables.ROWS}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Measure:
  """One of `metrics.FROM_CONFUSION` on a split, of a class or (None) of all."""

  name: str = 'accuracy'
  split: str = 'test'
  class_index: int | None = None

  def published(self, model: str) -> published_points.Point:
    """Returns the number of a model in Table 1 or 2."""
    row = _PUBLISHED[model]
    value = getattr(row, self.name)
    if self.class_index is not None:
      value = value[self.class_index]
    return published_points.Point(value, row.source)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Row:
  """One number of a model, with the published one if it is known.

  Attributes:
    kind: `OURS` for the mean of our runs, `LIVE` for another system that was
      run here, `PUBLISHED` for a number that was not measured here.
    status: '2 of 3' seeds, or the reason for a missing result.
    known: the published number.
    difference: accuracy minus that of another row.
  """

  kind: str
  model: str
  measure: Measure
  status: str
  result: results.Result | None = None
  known: published_points.Point | None = None
  difference: interval_lib.Interval | None = None

  @property
  def label(self) -> str:
    """The name of the model, marked if it is another system run here."""
    return f'{self.model}, run here' if self.kind == LIVE else self.model

  @property
  def published(self) -> float | None:
    """The published number in percent, None if there is none."""
    return self.known.value if self.known else None

  @property
  def number(self) -> intervals.Repeated | None:
    """The measured number in percent, None if there is none."""
    if self.result is None:
      return None
    return self.result.percent(self.measure.name, self.measure.class_index)

  def record(self) -> dict[str, Any]:
    """Returns the row for the CSV, in percent."""
    number = self.number or intervals.Repeated(*[math.nan] * 5)
    index = self.measure.class_index
    return {
      'kind': self.kind,
      'model': self.model,
      'split': self.measure.split,
      'measure': self.measure.name,
      'class': '' if index is None else published_tables.CLASS_NAMES[index],
      'unit': 'percent',
      **number._asdict(),
      **counts(self.result),
      'status': self.status,
      'published': self.published,
      'source': self.known.source if self.known else '',
    }

  def text(self) -> str:
    """Returns '98.70 (98.10 to 99.20)', or a dash if it was not measured."""
    if self.result is None:
      return markdown.NONE
    return markdown.with_interval(self.number, self.result.places)

  def difference_text(self) -> str:
    """Returns '-0.30 (-0.50 to -0.10)', or a dash if it is not compared."""
    if self.difference is None:
      return markdown.NONE
    places = self.result.places
    return markdown.with_interval(self.difference, places, sign=True)


def counts(result: results.Result | None) -> dict[str, int | None]:
  """Returns the numbers of seeds, slices and patients of a result."""
  return {
    'seeds': len(result.seeds) if result else 0,
    'slices': result.slices if result else None,
    'patients': result.patients if result else None,
  }


def most_seeds(rows: Iterable[Row]) -> int:
  """Returns the largest number of seeds of a row, 0 without any result."""
  return max((len(row.result.seeds) for row in rows if row.result), default=0)


def once(rows: Sequence[Row]) -> list[Row]:
  """Returns the rows without published ones whose model was run here.

  Pictures show the published number beside the measured one.
  """
  live = {row.model for row in rows if row.kind == LIVE}
  return [row for row in rows if row.kind != PUBLISHED or row.model not in live]


def compared(runs: results.Runs, row: Row, other: results.Result | None) -> Row:
  """Returns the row with its difference to a result, if both are measured."""
  if row.result is None or other is None:
    return row
  difference = runs.difference(other, row.result)
  return dataclasses.replace(row, difference=difference)


def ours(
  runs: results.Runs,
  setting: grid.Run,
  measure: Measure,
  *,
  known: published_points.Point | None = None,
) -> Row:
  """Returns the row of a setting of our runs."""
  return Row(
    kind=OURS,
    model=setting.initialisation,
    measure=measure,
    status=runs.status(setting, measure.split),
    result=runs.result(setting, measure.split),
    known=known,
  )


def as_published(
  runs: results.Runs, setting: grid.Run, measure: Measure
) -> Row:
  """Returns the row of a setting of our runs that is in Tables 1 and 2."""
  known = measure.published(setting.initialisation)
  return ours(runs, setting, measure, known=known)


def covid_net(runs: results.Runs, measure: Measure) -> list[Row]:
  """Returns the published rows of COVID-Net, each followed by its live one.

  Other systems that were run here stand at the end.
  """
  known = [model for model in _PUBLISHED if model.startswith('COVID-Net')]
  rows = []
  for model in dict.fromkeys([*known, *runs.live]):
    row = Row(kind=PUBLISHED, model=model, measure=measure, status='published')
    if model in known:
      row = dataclasses.replace(row, known=measure.published(model))
      rows.append(row)
    if model in runs.live:
      result = runs.live_result(model, measure.split)
      status = '1 of 1' if result else 'not run yet'
      rows.append(
        dataclasses.replace(row, kind=LIVE, status=status, result=result)
      )
  return rows


def with_covid_net(
  runs: results.Runs, settings: Sequence[grid.Run], measure: Measure
) -> list[Row]:
  """Returns the rows of Table 1 or 2: COVID-Net, then our runs."""
  rows = covid_net(runs, measure)
  return rows + [as_published(runs, x, measure) for x in settings]
