# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Figure 7: accuracy on val during training."""

from collections.abc import Mapping
from typing import Any

from matplotlib import axes as mpl_axes
from matplotlib import figure as mpl_figure
import pandas as pd

from bit_covid.analysis import figures
from bit_covid.analysis import published
from bit_covid.paper import collect
from bit_covid.paper import grid
from bit_covid.paper import labels
from bit_covid.paper import markdown
from bit_covid.paper import marks
from bit_covid.paper import results
from bit_covid.paper import rows as rows_lib
from bit_covid.paper import scales

_PUBLISHED = {row.model: row for row in published.INITIALISATIONS}
_Curves = Mapping[str, pd.DataFrame]


def make(request: collect.Request) -> collect.Collected:
  """Returns a curve for each initialisation, the mean over the seeds."""
  curves = {
    setting.initialisation: _curve(request.runs, setting)
    for setting in grid.ITEMS['figure7']
  }
  curves = {name: x for name, x in curves.items() if not x.empty}
  return collect.Collected(
    title='Figure 7. Accuracy on val in the course of the trainings',
    records=_records(curves),
    tables=[_table(request.runs, curves)],
    notes=_notes(request.scale, curves),
    figure=_draw(request.scale, curves),
  )


def _curve(runs: results.Runs, setting: grid.Run) -> pd.DataFrame:
  """Returns mean, smallest, largest (percent) and seeds of each step."""
  points = [
    (step, 100 * value)
    for run in runs.finished(setting)
    for step, value in runs.curve(run, 'val_accuracy')
  ]
  table = pd.DataFrame(points, columns=['step', 'value'])
  return table.groupby('step', as_index=False).agg(
    value=('value', 'mean'),
    smallest=('value', 'min'),
    largest=('value', 'max'),
    seeds=('value', 'size'),
  )


def _records(curves: _Curves) -> list[dict[str, Any]]:
  what = {'split': 'val', 'measure': 'accuracy', 'unit': 'percent'}
  ours = [
    {'kind': rows_lib.OURS, 'model': name, **what, **row}
    for name, curve in curves.items()
    for row in curve.to_dict('records')
  ]
  papers = [
    {
      'kind': rows_lib.PUBLISHED,
      'model': row.model,
      **what,
      'step': scales.PAPER.schedules['10k'][-1],
      'published': row.val,
      'source': row.source,
    }
    for row in published.INITIALISATIONS
  ]
  return [*ours, *papers]


def _table(runs: results.Runs, curves: _Curves) -> markdown.Table:
  rows = []
  for setting in grid.ITEMS['figure7']:
    name = setting.initialisation
    finished, needed = runs.finished(setting), runs.expected_of(setting)
    step, value = _end(curves.get(name))
    rows.append(
      {
        'Initialisation': name,
        'Runs': f'{len(finished)} of {len(needed)}',
        'Last step': step,
        'Here, %': value,
        'Published, %': markdown.number(_PUBLISHED[name].val, 1),
      }
    )
  return markdown.Table('The ends of the curves, accuracy on val', rows)


def _end(curve: pd.DataFrame | None) -> tuple[str, str]:
  if curve is None:
    return markdown.NONE, markdown.NONE
  last = curve.iloc[-1]
  value = markdown.number(last['value'], 2)
  if last['seeds'] > 1:
    value += f' ({markdown.between(last["smallest"], last["largest"], 2)})'
  return f'{int(last["step"]):,}', value


def _notes(scale: scales.Scale, curves: _Curves) -> list[str]:
  notes = [
    'A line is the mean over the seeds, a band from the smallest to the '
    'largest. A point is a single evaluation of val: differences of a few '
    'tenths between neighbours are noise.',
    "The paper's text says test, its caption validation; here it is val, so "
    'that test stays unseen. Of its figure only a picture is published; the '
    'diamonds are the val column of its Table 3.',
  ]
  missing = [name for name in grid.INITIALISATIONS if name not in curves]
  if not scale.curve_points:
    notes.append(
      f'At the scale {scale.name!r} there is no val split, and so nothing to '
      'be measured in the course of a training.'
    )
  elif missing:
    notes.append(f'No curve yet: {", ".join(missing)}.')
  return notes


def _draw(scale: scales.Scale, curves: _Curves) -> mpl_figure.Figure:
  """Returns the whole curves, and below them the second half, enlarged."""
  figure = figures.new(6.4)
  panels = figure.subplots(2, 1, sharex=True)
  for axes in panels:
    _lines(figures.plain(axes), scale, curves)
    axes.set_ylabel('Accuracy on val, %', fontsize=9)
  low = min(row.val for row in published.INITIALISATIONS)
  for curve in curves.values():
    is_late = curve['step'] > curve['step'].max() / 2
    low = min(low, curve.loc[is_late, 'smallest'].min())
  high = panels[0].get_ylim()[1]
  panels[1].set_ylim(low - 0.08 * (high - low), high)
  # Diamonds stand behind the last step.
  panels[1].set_xlim(0, 1.16 * scale.schedules['10k'][-1])
  panels[1].set_xlabel(
    f'Step of {labels.steps(scale, "10k").replace("(", "(paper: ")}'
  )
  handles = [
    marks.line(name if name in curves else f'{name} (no curve)', i)
    for i, name in enumerate(grid.INITIALISATIONS)
  ]
  if any(curve['seeds'].max() > 1 for curve in curves.values()):
    handles.append(marks.band())
  marks.legend(figure, seeds=0, others=handles)
  return figure


def _lines(axes: mpl_axes.Axes, scale: scales.Scale, curves: _Curves) -> None:
  for i, name in enumerate(grid.INITIALISATIONS):
    colour = figures.series_colour(i)
    if name in curves:
      curve = curves[name]
      step, ends = curve['step'], (curve['smallest'], curve['largest'])
      style = {'linestyle': figures.dashes(i), 'linewidth': 1.3}
      axes.plot(step, curve['value'], color=colour, **style)
      axes.fill_between(step, *ends, color=colour, alpha=0.2, linewidth=0)
    # Behind the last step and side by side, as values nearly agree.
    place = scale.schedules['10k'][-1] * (1.03 + 0.025 * i)
    marks.published(axes, place, _PUBLISHED[name].val, colour=colour)
