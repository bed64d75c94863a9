# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""One number of a model: measured here, published, or both."""

from collections.abc import Iterable, Iterator, Sequence
import dataclasses
import math
from typing import Any

from bit_covid.analysis import published as published_tables
from bit_covid.analysis import repeated_runs
from bit_covid.paper import grid
from bit_covid.paper import results

OURS, LIVE, PUBLISHED = 'ours', 'live', 'published'
COVID_NET = tuple(
  row for row in published_tables.ROWS if row.model.startswith('COVID-Net')
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Measure:
  """A measure of a class on a split.

  Attributes:
    name: one of `repeated_runs.MEASURES`.
    split: the name of the split.
    class_index: index of the class, None for a measure of all classes.
  """

  name: str = 'accuracy'
  split: str = 'test'
  class_index: int | None = None

  def of(self, row: published_tables.Row) -> float:
    """Returns its value in a row of Tables 1 and 2, in percent."""
    value = getattr(row, self.name)
    return value if self.class_index is None else value[self.class_index]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Row:
  """One number, with the published one if there is any.

  Attributes:
    kind: `OURS` for the mean of our runs, `LIVE` for another system that was
      run here, `PUBLISHED` for a number that was not measured here.
    model: the name of the model.
    measure: the measure.
    status: '2 of 3' seeds, or the reason for a missing result.
    result: the result of the runs, None if there is none.
    published: the published number in percent, None if there is none.
    source: the source of the published number.
  """

  kind: str
  model: str
  measure: Measure
  status: str
  result: results.Result | None = None
  published: float | None = None
  source: str = ''

  @property
  def label(self) -> str:
    """The name of the model, marked if it is another system run here."""
    return f'{self.model}, run here' if self.kind == LIVE else self.model

  @property
  def number(self) -> repeated_runs.Repeated | None:
    """The measured number in percent, None if there is none."""
    if self.result is None:
      return None
    return self.result.percent(self.measure.name, self.measure.class_index)

  def record(self) -> dict[str, Any]:
    """Returns the row for the CSV, in percent."""
    number = self.number or repeated_runs.Repeated(*[math.nan] * 5)
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
      'source': self.source,
    }


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


def ours(
  runs: results.Runs,
  setting: grid.Run,
  *,
  measure: Measure,
  published: float | None = None,
  source: str = '',
) -> Row:
  """Returns the row of a setting of our runs."""
  return Row(
    kind=OURS,
    model=setting.initialisation,
    measure=measure,
    status=runs.status(setting, measure.split),
    result=runs.result(setting, measure.split),
    published=published,
    source=source,
  )


def covid_net(runs: results.Runs, measure: Measure) -> Iterator[Row]:
  """Yields the published rows of COVID-Net, each followed by its live one."""
  for row in COVID_NET:
    if measure.split == published_tables.SPLIT:
      yield Row(
        kind=PUBLISHED,
        model=row.model,
        measure=measure,
        status='published',
        published=measure.of(row),
        source=row.source,
      )
    if row.model in runs.live:
      yield _live(runs, row.model, measure=measure, row=row)
  for name in runs.live:
    if name not in (row.model for row in COVID_NET):
      yield _live(runs, name, measure=measure)


def _live(
  runs: results.Runs,
  name: str,
  *,
  measure: Measure,
  row: published_tables.Row | None = None,
) -> Row:
  result = runs.live_result(name, measure.split)
  is_published = row is not None and measure.split == published_tables.SPLIT
  return Row(
    kind=LIVE,
    model=name,
    measure=measure,
    status='1 of 1' if result else 'not run yet',
    result=result,
    published=measure.of(row) if is_published else None,
    source=row.source if is_published else '',
  )
