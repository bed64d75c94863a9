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
from bit_covid.paper import collected
from bit_covid.paper import markdown
from bit_covid.paper import published_points
from bit_covid.paper import rows as rows_lib

if TYPE_CHECKING:
  import input_pipeline

_WHAT = ('slices', 'patients')
_OF = {known.split: known for known in published_points.SPLITS}
# Of one split: slices and patients, each by class.
_Counts = Mapping[str, tuple[int, ...]]


def make(request: collected.Request) -> collected.Collected:
  """Returns the counts of our splits beside the paper's."""
  counts = {name: _count(split) for name, split in request.splits.items()}
  names = [*_OF, *(name for name in counts if name not in _OF)]
  absent = [name for name in names if name not in counts]
  notes = ["The paper's: " + published_points.SPLITS[0].source + '.']
  if not counts:
    notes.append('No data were at hand: only the published counts are shown.')
  elif absent:
    notes.append(f'The data here have no split {", ".join(absent)}.')
  notes += _unlabelled(request.splits)
  return collected.Collected(
    title='Figure 2. Slices and patients of each class and split',
    records=_records(counts),
    tables=[
      markdown.Table(
        what.capitalize(),
        ['Split', *_columns()],
        [[name, *_cells(counts, name, what)] for name in names],
      )
      for what in _WHAT
    ],
    notes=notes,
    figure=_draw(counts, names),
  )


def _count(split: 'input_pipeline.Examples') -> _Counts:
  classes = range(len(published.CLASS_NAMES))
  return {
    'slices': tuple(int((split.label == i).sum()) for i in classes),
    'patients': tuple(
      len(np.unique(split.patient_id[split.label == i])) for i in classes
    ),
  }


def _unlabelled(splits: Mapping[str, 'input_pipeline.Examples']) -> list[str]:
  counts = {
    name: int((split.label < 0).sum()) for name, split in splits.items()
  }
  return [
    f'{count:,} slices of {name} have no label and are not counted.'
    for name, count in counts.items()
    if count
  ]


def _records(counts: Mapping[str, _Counts]) -> list[dict[str, Any]]:
  ours = [(rows_lib.OURS, name, count, '') for name, count in counts.items()]
  paper = [
    (rows_lib.PUBLISHED, name, known._asdict(), known.source)
    for name, known in _OF.items()
  ]
  return [
    {
      'kind': kind,
      'split': name,
      'class': class_name,
      'unit': what,
      'value': value,
      'source': source,
    }
    for kind, name, count, source in [*ours, *paper]
    for what in _WHAT
    for class_name, value in zip(
      published.CLASS_NAMES, count[what], strict=True
    )
  ]


def _columns() -> list[str]:
  return [
    f'{name}, {whose}'
    for name in published.CLASS_NAMES
    for whose in ('here', "paper's")
  ]


def _cells(counts: Mapping[str, _Counts], split: str, what: str) -> list[str]:
  ours = counts.get(split, {}).get(what)
  paper = _OF[split]._asdict()[what] if split in _OF else None
  return [
    markdown.NONE if values is None else f'{values[i]:,}'
    for i in range(len(published.CLASS_NAMES))
    for values in (ours, paper)
  ]


def _draw(counts: Mapping[str, _Counts], names: list[str]) -> mpl_figure.Figure:
  """Returns our counts on the left, the paper's on the right, scaled apart."""
  paper = {name: known._asdict() for name, known in _OF.items()}
  figure = figures.new(5.6)
  panels = figure.subplots(2, 2, sharey=True)
  for axes, what in zip(panels, _WHAT, strict=True):
    _bars(axes[0], counts, names, what)
    _bars(axes[1], paper, names, what)
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
  axes: mpl_axes.Axes,
  counts: Mapping[str, _Counts],
  names: list[str],
  what: str,
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
      axes.text(
        0.03,
        place,
        'none',
        transform=axes.get_yaxis_transform(),
        color=figures.GRAY,
        fontsize=8,
        style='italic',
        va='center',
      )
  axes.set_yticks(range(len(names)), names)
  axes.set_ylim(len(names) - 0.5, -0.5)
  axes.set_xlim(0, 1.35 * max([1, *(max(x[what]) for x in counts.values())]))
  axes.tick_params(axis='x', labelsize=7.5)
  axes.xaxis.set_major_locator(ticker.MaxNLocator(3, integer=True))
  axes.xaxis.set_major_formatter('{x:,.0f}')
