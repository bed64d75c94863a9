# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Figure 6: accuracy by resolution and by schedule, with and without mixup."""

from collections.abc import Callable, Mapping
from typing import Any

from bit_covid.analysis import bootstrap
from bit_covid.paper import collected
from bit_covid.paper import grid
from bit_covid.paper import labels
from bit_covid.paper import markdown
from bit_covid.paper import published_points
from bit_covid.paper import rows as rows_lib
from bit_covid.paper.items import figure6_picture

# Of resolution, schedule and mixup.
_Rows = Mapping[tuple[str, str, bool], rows_lib.Row]
# Of resolution and schedule: with minus without mixup.
_Differences = Mapping[tuple[str, str], bootstrap.Difference]


def make(request: collected.Request) -> collected.Collected:
  """Returns all combinations, or the paper's two sweeps through them."""
  rows = {
    (x.resolution, x.schedule, x.mixup): rows_lib.ours(
      request.runs, x, measure=rows_lib.Measure()
    )
    for x in grid.figure6(sweeps=request.sweeps)
  }
  differences = _differences(request, rows)
  return collected.Collected(
    title='Figure 6. Resolution, schedule and mixup, accuracy on test',
    records=[
      *_records(request, rows),
      *_difference_records(request, rows, differences),
      *_published(),
    ],
    tables=_tables(request, rows, differences),
    notes=_notes(request),
    figure=figure6_picture.draw(request, rows, differences),
  )


def _differences(request: collected.Request, rows: _Rows) -> _Differences:
  found = {}
  for (resolution, schedule, mixup), row in rows.items():
    other = rows.get((resolution, schedule, False))
    if mixup and row.result and other and other.result:
      found[resolution, schedule] = request.runs.difference(
        other.result, row.result
      )
  return found


def _records(request: collected.Request, rows: _Rows) -> list[dict[str, Any]]:
  return [
    _place(request, resolution, schedule) | {'mixup': mixup} | row.record()
    for (resolution, schedule, mixup), row in rows.items()
  ]


def _difference_records(
  request: collected.Request, rows: _Rows, differences: _Differences
) -> list[dict[str, Any]]:
  return [
    _place(request, *point)
    | {
      'mixup': 'with minus without',
      'kind': rows_lib.OURS,
      'model': grid.BEST,
      'split': 'test',
      'measure': 'accuracy_difference',
      'unit': 'percentage points',
    }
    | rows_lib.counts(rows[*point, True].result)
    | difference._asdict()
    for point, difference in differences.items()
  ]


def _published() -> list[dict[str, Any]]:
  return [
    {
      'kind': rows_lib.PUBLISHED,
      'resolution': '512x480',
      'schedule': '10k',
      'mixup': True,
      'model': grid.BEST,
      'split': 'test',
      'measure': 'accuracy',
      'unit': 'percent',
      'published': known.accuracy,
      'source': known.source,
    }
    for known in published_points.SHARED
  ]


def _place(
  request: collected.Request, resolution: str, schedule: str
) -> dict[str, Any]:
  """Returns the paper's name of a point and the setting that was run."""
  resize, crop = request.scale.resolutions[resolution]
  return {
    'resolution': resolution,
    'schedule': schedule,
    'resize': resize,
    'crop': crop,
    'steps': request.scale.schedules[schedule][-1],
  }


def _tables(
  request: collected.Request, rows: _Rows, differences: _Differences
) -> list[markdown.Table]:
  def accuracy(resolution: str, schedule: str, mixup: bool) -> str:
    row = rows.get((resolution, schedule, mixup))
    if row is None:
      return markdown.NONE
    if row.number is None:
      return row.status
    places = markdown.decimals(row.result.slices)
    return _with_bounds(row.number, places, sign=False)

  def difference(resolution: str, schedule: str) -> str:
    if (resolution, schedule) not in differences:
      return markdown.NONE
    result = rows[resolution, schedule, True].result
    places = markdown.decimals(result.slices)
    return _with_bounds(differences[resolution, schedule], places, sign=True)

  return [
    _table(request, 'With mixup, %', lambda r, s: accuracy(r, s, True)),
    _table(request, 'Without mixup, %', lambda r, s: accuracy(r, s, False)),
    _table(request, 'With minus without mixup, points', difference),
  ]


def _table(
  request: collected.Request, title: str, cell: Callable[[str, str], str]
) -> markdown.Table:
  return markdown.Table(
    title,
    [
      f'Resolution{labels.brackets(request.scale)}',
      *(f'{labels.steps(request.scale, x)} steps' for x in grid.SCHEDULES),
    ],
    [
      [
        labels.resolution(request.scale, resolution),
        *(cell(resolution, schedule) for schedule in grid.SCHEDULES),
      ]
      for resolution in grid.RESOLUTIONS
    ],
  )


def _with_bounds(numbers: Any, places: int, *, sign: bool) -> str:
  value = markdown.number(numbers.value, places, sign=sign)
  bounds = markdown.between(numbers.low, numbers.high, places, sign=sign)
  return f'{value} ({bounds})' if bounds != markdown.NONE else value


def _notes(request: collected.Request) -> list[str]:
  shared = ' and '.join(f'{x.accuracy:.1f}' for x in published_points.SHARED)
  which = (
    'The two sweeps of the paper only; they share a point, which it ran twice '
    'and we once.'
    if request.sweeps
    else 'All 32 combinations; the paper shows 16 points, two sweeps.'
  )
  return [
    f'{grid.BEST}, mean over the seeds; in brackets the '
    f'{bootstrap.LEVEL_TEXT} interval by a bootstrap over patients, for '
    'differences the same patients drawn with and without mixup.',
    which,
    'Of the figure of the paper only a picture is published. The diamonds are '
    f'{shared} % of its Tables 1 and 3, which are of the setting that the '
    'sweeps share, with mixup.',
  ]
