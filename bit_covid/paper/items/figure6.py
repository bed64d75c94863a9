# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Figure 6: accuracy by resolution and by schedule, with and without mixup."""

from collections.abc import Mapping
import dataclasses
from typing import Any

from bit_covid.analysis import bootstrap
from bit_covid.paper import collected
from bit_covid.paper import grid
from bit_covid.paper import labels
from bit_covid.paper import markdown
from bit_covid.paper import published_points
from bit_covid.paper import results
from bit_covid.paper import rows as rows_lib
from bit_covid.paper import scales
from bit_covid.paper.items import figure6_picture

_Rows = Mapping[grid.Run, rows_lib.Row]
# With minus without mixup, by the run with mixup.
_Differences = Mapping[grid.Run, bootstrap.Difference]


def make(request: collected.Request) -> collected.Collected:
  """Returns all combinations, or the paper's two sweeps through them."""
  rows = {
    run: rows_lib.ours(request.runs, run, rows_lib.Measure())
    for run in grid.figure6(sweeps=request.sweeps)
  }
  differences = _differences(request.runs, rows)
  return collected.Collected(
    title='Figure 6. Resolution, schedule and mixup, accuracy on test',
    records=_records(request.scale, rows, differences),
    tables=_tables(request.scale, rows, differences),
    notes=_notes(sweeps=request.sweeps),
    figure=figure6_picture.draw(request, rows, differences),
  )


def _differences(runs: results.Runs, rows: _Rows) -> _Differences:
  found = {}
  for run, row in rows.items():
    other = rows[dataclasses.replace(run, mixup=False)]
    if run.mixup and row.result and other.result:
      found[run] = runs.difference(other.result, row.result)
  return found


def _records(
  scale: scales.Scale, rows: _Rows, differences: _Differences
) -> list[dict[str, Any]]:
  ours = [
    _setting(scale, run) | {'mixup': run.mixup} | row.record()
    for run, row in rows.items()
  ]
  of_best = {'model': grid.BEST, 'split': 'test'}
  pairs = [
    {
      **_setting(scale, run),
      'mixup': 'with minus without',
      'kind': rows_lib.OURS,
      **of_best,
      'measure': 'accuracy_difference',
      'unit': 'percentage points',
      **rows_lib.counts(rows[run].result),
      **difference._asdict(),
    }
    for run, difference in differences.items()
  ]
  papers = [
    {
      'kind': rows_lib.PUBLISHED,
      'resolution': '512x480',
      'schedule': '10k',
      'mixup': True,
      **of_best,
      'measure': 'accuracy',
      'unit': 'percent',
      'published': known.value,
      'source': known.source,
    }
    for known in published_points.SHARED
  ]
  return [*ours, *pairs, *papers]


def _setting(scale: scales.Scale, run: grid.Run) -> dict[str, Any]:
  """Returns the paper's names of a setting and what was run."""
  resize, crop = scale.resolutions[run.resolution]
  return {
    'resolution': run.resolution,
    'schedule': run.schedule,
    'resize': resize,
    'crop': crop,
    'steps': scale.schedules[run.schedule][-1],
  }


def _tables(
  scale: scales.Scale, rows: _Rows, differences: _Differences
) -> list[markdown.Table]:
  accuracies = {
    run: markdown.with_interval(row.number, row.result.places)
    if row.result
    else row.status
    for run, row in rows.items()
  }
  changes = {
    run: markdown.with_interval(x, rows[run].result.places, sign=True)
    for run, x in differences.items()
  }
  return [
    _table(scale, 'With mixup, %', accuracies, mixup=True),
    _table(scale, 'Without mixup, %', accuracies, mixup=False),
    _table(scale, 'With minus without mixup, points', changes, mixup=True),
  ]


def _table(
  scale: scales.Scale,
  title: str,
  cells: Mapping[grid.Run, str],
  *,
  mixup: bool,
) -> markdown.Table:
  heading = f'Resolution{labels.unless_paper(scale, labels.BRACKETS)}'
  rows = []
  for resolution in grid.RESOLUTIONS:
    row = {heading: labels.resolution(scale, resolution)}
    for schedule in grid.SCHEDULES:
      run = grid.Run(grid.BEST, resolution, schedule, mixup)
      steps = f'{labels.steps(scale, schedule)} steps'
      row[steps] = cells.get(run, markdown.NONE)
    rows.append(row)
  return markdown.Table(title, rows)


def _notes(*, sweeps: bool) -> list[str]:
  shared = ' and '.join(f'{x.value:.1f}' for x in published_points.SHARED)
  which = (
    'The two sweeps of the paper only; they share a point, which it ran twice '
    'and we once.'
    if sweeps
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
