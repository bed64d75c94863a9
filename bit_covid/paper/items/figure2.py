# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Figure 2: slices and patients of each class and split."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from matplotlib import axes as mpl_axes
from matplotlib import figure as mpl_figure
from matplotlib import ticker
import numpy as np

from bit_covid.analysis import figures
from bit_covid.analysis import published
from bit_covid.paper import collect
from bit_covid.paper import markdown
from bit_covid.paper import marks
from bit_covid.paper import published_points
from bit_covid.paper import rows as rows_lib

if TYPE_CHECKING:
  import input_pipeline

_PUBLISHED = published_points.SPLITS
_WHAT = ('slices', 'patients')
# Of each split: slices and patients, each by class.
_Counts = Mapping[str, Mapping[str, tuple[int, ...]]]


def make(request: collect.Request) -> collect.Collected:
  """Returns the counts of our splits beside the paper's."""
  counts = {name: _count(split) for name, split in request.splits.items()}
  names = list(dict.fromkeys([*_PUBLISHED, *counts]))
  return collect.Collected(
    title='Figure 2. Slices and patients of each class and split',
    records=[
      *_records(rows_lib.OURS, counts, ''),
      *_records(rows_lib.PUBLISHED, _PUBLISHED, published_points.SPLITS_SOURCE),
    ],
    tables=[
      markdown.Table(
        what.capitalize(),
        [{'Split': name, **_cells(counts, name, what)} for name in names],
      )
      for what in _WHAT
    ],
    notes=_notes(request, names),
    figure=_draw(counts, names),
  )


def _count(split: 'input_pipeline.Examples') -> dict[str, tuple[int, ...]]:
  patients = [
    split.patient_id[split.label == i]
    for i in range(len(published.CLASS_NAMES))
  ]
  return {
    'slices': tuple(len(x) for x in patients),
    'patients': tuple(len(np.unique(x)) for x in patients),
  }


def _notes(request: collect.Request, names: list[str]) -> list[str]:
  notes = [f"The paper's: {published_points.SPLITS_SOURCE}."]
  absent = [name for name in names if name not in request.splits]
  if not request.splits:
    notes.append('No data were at hand: only the published counts are shown.')
  elif absent:
    notes.append(f'The data here have no split {", ".join(absent)}.')
  for name, split in request.splits.items():
    count = int((split.label < 0).sum())
    if count:
      notes.append(
        f'{count:,} slices of {name} have no label and are not counted.'
      )
  return notes


def _records(kind: str, counts: _Counts, source: str) -> list[dict[str, Any]]:
  return [
    {
      'kind': kind,
      'split': name,
      'class': class_name,
      'unit': what,
      'value': count[what][i],
      'source': source,
    }
    for name, count in counts.items()
    for what in _WHAT
    for i, class_name in enumerate(published.CLASS_NAMES)
  ]


def _cells(counts: _Counts, split: str, what: str) -> dict[str, str]:
  cells = {}
  for i, class_name in enumerate(published.CLASS_NAMES):
    for whose, of in (('here', counts), ("paper's", _PUBLISHED)):
      cells[f'{class_name}, {whose}'] = (
        f'{of[split][what][i]:,}' if split in of else markdown.NONE
      )
  return cells


def _draw(counts: _Counts, names: list[str]) -> mpl_figure.Figure:
  """Returns our counts on the left, the paper's on the right, scaled apart."""
  figure = figures.new(5.6)
  panels = figure.subplots(2, 2, sharey=True)
  for axes, what in zip(panels, _WHAT, strict=True):
    _bars(axes[0], counts, names, what)
    _bars(axes[1], _PUBLISHED, names, what)
    axes[0].set_ylabel(what.capitalize())
  panels[0, 0].set_title('Here', fontsize=10)
  panels[0, 1].set_title('Paper (COVIDx CT-2A)', fontsize=10)
  figure.legend(
    handles=list(panels[0, 1].containers[: len(published.CLASS_NAMES)]),
    labels=list(published.CLASS_NAMES),
    loc='outside lower center',
    ncols=3,
    frameon=False,
    fontsize=9,
  )
  return figure


def _bars(
  axes: mpl_axes.Axes, counts: _Counts, names: list[str], what: str
) -> None:
  figures.plain(axes).grid(axis='y', visible=False)
  height = 0.27
  for i, _ in enumerate(published.CLASS_NAMES):
    values = [counts[name][what][i] if name in counts else 0 for name in names]
    places = [x + (i - 1) * height for x in range(len(names))]
    bars = axes.barh(places, values, height, color=figures.colour(i))
    texts = [f'{value:,}' if value else '' for value in values]
    axes.bar_label(bars, texts, fontsize=7.5, padding=2)
  for place, name in enumerate(names):
    if name not in counts:
      marks.note(axes, place, 'none', across=True)
  axes.set_yticks(range(len(names)), names)
  axes.set_ylim(len(names) - 0.5, -0.5)
  axes.set_xlim(0, 1.35 * max([1, *(max(x[what]) for x in counts.values())]))
  axes.tick_params(axis='x', labelsize=7.5)
  axes.xaxis.set_major_locator(ticker.MaxNLocator(3, integer=True))
  axes.xaxis.set_major_formatter('{x:,.0f}')
