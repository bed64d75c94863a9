# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What all figures share: size, colours of the classes, PNG.

A figure is 4.8 inches wide, so that its text is still read on a phone. The
colours are told apart by colour-blind readers and in gray, and lines differ in
their dashes, points in their shapes. No state of pyplot is used.
"""

import dataclasses
import io

from matplotlib import axes as mpl_axes
from matplotlib import figure as mpl_figure
from matplotlib import ticker
import pandas as pd
from PIL import Image

from bit_covid.analysis import predictions

WIDTH = 4.8
_DPI = 160
_NOTEBOOK_DPI = 100
_NOTEBOOK_COLOURS = 192
# Normal, CP, NCP, then what else there may be: from dark to light they are NCP,
# Normal, CP.
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
# What is no class must not look like one.
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
_DASHES = ('-', '--', '-.', ':')
_MARKERS = ('o', '^', 's', 'D', 'v', 'P', 'X', '*')
GRAY = '#6B7280'
# Matplotlib's name of the colours of all class activation maps.
MAP_COLOURS = 'inferno'


@dataclasses.dataclass(frozen=True)
class Picture:
  """A figure as it stands in a report.

  Attributes:
    name: of its file, without an ending.
    title: a few words.
    caption: what is seen, on how many slices of how many patients.
    alt: what it shows, for those who do not see it.
    png: the file.
  """

  name: str
  title: str
  caption: str
  alt: str
  png: bytes


class _Figure(mpl_figure.Figure):
  """A figure that a notebook shows when it is the last value of a cell.

  Matplotlib's own needs pyplot for that. In fewer pixels and colours than in a
  report, as notebooks are kept with their pictures.
  """

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
  # Without the version of Matplotlib: the same figure is the same file.
  figure.savefig(buffer, format='png', metadata={'Software': None})
  return buffer.getvalue()


def colour(index: int) -> str:
  """Returns the colour of a class."""
  return COLOURS[index % len(COLOURS)]


def series_colour(index: int) -> str:
  """Returns the colour of a source, a split or whatever is no class."""
  return _SERIES[index % len(_SERIES)]


def dashes(index: int) -> str:
  """Returns the line style of a class."""
  return _DASHES[index % len(_DASHES)]


def marker(index: int) -> str:
  """Returns the shape of the points of a class."""
  return _MARKERS[index % len(_MARKERS)]


def plain(axes: mpl_axes.Axes) -> mpl_axes.Axes:
  """Returns the axes without a frame and with light lines."""
  axes.spines[['top', 'right']].set_visible(False)
  axes.grid(color='#E5E7EB', linewidth=0.8)
  axes.set_axisbelow(True)
  return axes


def counts(table: pd.DataFrame) -> str:
  """Returns how many slices and patients a table has, in words."""
  slices, patients = len(table), table['patient_id'].nunique()
  return (
    f'{slices:,} slice{"s" * (slices != 1)} of '
    f'{patients:,} patient{"s" * (patients != 1)}'
  )


def split_counts(counts: pd.DataFrame) -> mpl_figure.Figure:
  """Returns slices and patients of each split by class (paper, Figure 2).

  `counts` are of the module `split_counts`.
  """
  splits = list(dict.fromkeys(counts['split']))
  class_names = list(dict.fromkeys(counts['class']))
  figure = new(4.6)
  panels = figure.subplots(2, 1)
  for axes, what in zip(panels, ('slices', 'patients'), strict=True):
    plain(axes).grid(axis='x', visible=False)
    width = 0.8 / len(class_names)
    of_class = counts.pivot(index='class', columns='split', values=what)
    for i, name in enumerate(class_names):
      heights = of_class.loc[name, splits].fillna(0).astype(int)
      shift = (i - (len(class_names) - 1) / 2) * width
      places = [x + shift for x in range(len(splits))]
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
  """Returns the surest wrong slice of each patient, the surest `count` first.

  One a patient, as neighbouring slices look alike. Added columns: `truth`,
  `predicted`, `confidence`.
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
