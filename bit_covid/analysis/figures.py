# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The common style of all figures: size, colours of the classes, PNG.

A figure is 4.8 inches wide, so that its text is legible on a phone. The colours
can be distinguished by colour-blind readers and in gray. Lines also differ in
their dashes, and points in their shapes. The state of pyplot is not used.
"""

from collections.abc import Callable, Sequence
import dataclasses
import io

from matplotlib import axes as mpl_axes
from matplotlib import figure as mpl_figure
from matplotlib import ticker
import numpy as np
import pandas as pd
from PIL import Image

from bit_covid.analysis import predictions

WIDTH = 4.8
_DPI = 160
_NOTEBOOK_DPI = 100
_NOTEBOOK_COLOURS = 192
# Of Normal, CP, NCP, then of further classes. In gray, NCP is the darkest and
# CP the lightest of the three.
COLOURS = (
  '#0072B2',
  '#E69F00',
  '#A3195B',
  '#009E73',
  '#56B4E9',
  '#8C564B',
  '#555555',
  '#CC79A7',
)
# Of sources and splits, which must not look like classes.
_SERIES = (
  '#332288',
  '#44AA99',
  '#CC6677',
  '#DDCC77',
  '#88CCEE',
  '#117733',
  '#AA4499',
  '#999933',
)
GRAY = '#6B7280'
# Matplotlib's name of the colours of all class activation maps.
MAP_COLOURS = 'inferno'


@dataclasses.dataclass(frozen=True)
class Picture:
  """A figure of a report.

  `name` is that of its file, without the suffix, `alt` the text for readers who
  cannot see it, and `png` the content of the file.
  """

  name: str
  title: str
  caption: str
  alt: str
  png: bytes


class _Figure(mpl_figure.Figure):
  """A figure that a notebook shows without pyplot, as a smaller picture."""

  def _repr_png_(self) -> bytes:
    buffer = io.BytesIO()
    self.savefig(buffer, format='png', dpi=_NOTEBOOK_DPI)
    with Image.open(buffer) as picture:
      small = picture.convert('RGB').quantize(_NOTEBOOK_COLOURS)
    buffer = io.BytesIO()
    small.save(buffer, 'PNG', optimize=True)
    return buffer.getvalue()


def new(height: float) -> mpl_figure.Figure:
  """Returns an empty figure of the common width and a height in inches."""
  return _Figure(figsize=(WIDTH, height), dpi=_DPI, layout='constrained')


def png(figure: mpl_figure.Figure) -> bytes:
  """Returns the figure as a PNG file."""
  buffer = io.BytesIO()
  # Without the version of Matplotlib, so that equal figures are equal files.
  figure.savefig(buffer, format='png', metadata={'Software': None})
  return buffer.getvalue()


def _cycle(values: Sequence[str]) -> Callable[[int], str]:
  return lambda index: values[index % len(values)]


# From the index of a class to its colour, line style and shape of points.
colour = _cycle(COLOURS)
dashes = _cycle(('-', '--', '-.', ':'))
marker = _cycle(('o', '^', 's', 'D', 'v', 'P', 'X', '*'))
# From the index of a source, a split or another series to its colour.
series_colour = _cycle(_SERIES)


def plain(axes: mpl_axes.Axes) -> mpl_axes.Axes:
  """Returns the axes after removing the frame and adding a light grid."""
  axes.spines[['top', 'right']].set_visible(False)
  axes.grid(color='#E5E7EB', linewidth=0.8)
  axes.set_axisbelow(True)
  return axes


def counts(table: pd.DataFrame) -> str:
  """Returns a text such as '540 slices of 90 patients'."""
  patients = table['patient_id'].nunique()
  return f'{plural(len(table), "slice")} of {plural(patients, "patient")}'


def plural(count: int, noun: str) -> str:
  """Returns '1 slice', '2,000 slices'."""
  return f'{count:,} {noun}{"s" * (count != 1)}'


def split_counts(counts: pd.DataFrame) -> mpl_figure.Figure:
  """Returns the figure of the module `split_counts` (paper, Figure 2)."""
  splits = list(dict.fromkeys(counts['split']))
  class_names = list(dict.fromkeys(counts['class']))
  figure = new(4.6)
  panels = figure.subplots(2, 1)
  width = 0.8 / len(class_names)
  for axes, what in zip(panels, ('slices', 'patients'), strict=True):
    plain(axes).grid(axis='x', visible=False)
    of_class = counts.pivot(index='class', columns='split', values=what)
    for i, name in enumerate(class_names):
      heights = of_class.loc[name, splits].fillna(0).astype(int)
      places = np.arange(len(splits)) + (i - (len(class_names) - 1) / 2) * width
      bars = axes.bar(places, heights, width, color=colour(i), label=name)
      # Three splits of three classes of a large data set have to fit.
      axes.bar_label(bars, [f'{x:,}' for x in heights], fontsize=7, padding=2)
    axes.set_xticks(range(len(splits)), splits)
    axes.margins(y=0.15)
    axes.yaxis.set_major_locator(ticker.MaxNLocator('auto', integer=True))
    axes.set_ylabel(what.capitalize())
  figure.legend(
    *panels[0].get_legend_handles_labels(),
    loc='outside upper center',
    ncols=min(len(class_names), 4),
    frameon=False,
  )
  return figure


def confident_errors(table: pd.DataFrame, count: int) -> pd.DataFrame:
  """Returns the most confident error of each of at most `count` patients.

  Neighbouring slices look alike, so each patient appears once. The rows are
  sorted by falling confidence and have the further columns `truth`, `predicted`
  and `confidence`.
  """
  names = predictions.class_names(table)
  probabilities = predictions.probabilities(table)
  predicted = probabilities.argmax(axis=1)
  wrong = table.assign(
    truth=[names[int(label)] for label in table['label']],
    predicted=[names[i] for i in predicted],
    confidence=probabilities.max(axis=1),
  )[predicted != table['label'].to_numpy(int)]
  wrong = wrong.sort_values('confidence', ascending=False, kind='stable')
  return wrong.drop_duplicates('patient_id').head(count)
