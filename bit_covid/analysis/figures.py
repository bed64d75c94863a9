# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The common style of all figures: size, lines and markers, fonts, PNG.

A figure is 4.8 inches wide, so that its text is legible on a phone. Lines
differ in their dashes as well as in their `colours`, and points in their
shapes. The state of pyplot is not used.
"""

from collections.abc import Callable, Sequence
import dataclasses
import functools
import io
import unicodedata

import matplotlib as mpl
from matplotlib import axes as mpl_axes
from matplotlib import figure as mpl_figure
from matplotlib import font_manager
from matplotlib import ticker
import numpy as np
import pandas as pd
from PIL import Image

from bit_covid.analysis import colours
from bit_covid.analysis import predictions

WIDTH = 4.8
_DPI = 160
_NOTEBOOK_DPI = 100
_NOTEBOOK_COLOURS = 192


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


# Classes with colours of their own; a figure of more has little space for each.
FEW = len(colours.CLASSES)


def _cycle(values: Sequence[str], *, shift: int = 0) -> Callable[[int], str]:
  """Returns a function of an index; `shift` is added where colours repeat."""
  return lambda index: values[(index + shift * (index // FEW)) % len(values)]


# From the index of a class to its colour, line style and shape of points. The
# pairs of colour and style, and of colour and shape, are different for each.
colour = _cycle(colours.CLASSES)
dashes = _cycle(('-', '--', '-.', ':'), shift=1)
marker = _cycle(('o', '^', 's', 'D', 'v', 'P', 'X', '*'), shift=1)
# Of the bars of a class, in addition to its colour.
_HATCHES = ('', '////', '....', 'xxxx')
# From the index of a source, a split or another series to its colour.
series_colour = _cycle(colours.SERIES)


def plain(axes: mpl_axes.Axes) -> mpl_axes.Axes:
  """Returns the axes after removing the frame and adding a light grid."""
  axes.spines[['top', 'right']].set_visible(False)
  axes.grid(color='#E5E7EB', linewidth=0.8)
  axes.set_axisbelow(True)
  return axes


def counts(table: pd.DataFrame) -> str:
  """Returns a text such as '540 slices of 90 patients', if they are known."""
  slices = plural(len(table), 'slice')
  if not predictions.knows_patients(table):
    return slices
  return f'{slices} of {plural(table["patient_id"].nunique(), "patient")}'


def plural(count: int, noun: str) -> str:
  """Returns '1 slice', '2,000 slices'."""
  return f'{count:,} {noun}{"s" * (count != 1)}'


def drawn(names: Sequence[str], kind: str = 'class') -> list[str]:
  """Returns names as figures show them: 'class 2' for one without letters.

  These are names whose letters are in no font of this machine. The kind is what
  the names are of.
  """
  return [
    # A dollar sign would begin a formula, and legends leave out '_a'.
    name.replace('$', r'\$').replace('_', ' _', name.startswith('_'))
    if _can_draw(name)
    else f'{kind} {number}'
    for number, name in enumerate(names, start=1)
  ]


def names_not_drawn(class_names: Sequence[str]) -> str:
  """Returns a sentence on the classes that figures show as numbers, or ''."""
  numbers = [
    f'class {number} is {name}'
    for number, name in enumerate(class_names, start=1)
    if not _can_draw(name)
  ]
  reason = 'In the figures, as no font of the machine has their letters'
  return f'{reason}: {"; ".join(numbers)}.' if numbers else ''


@functools.cache
def _can_draw(name: str) -> bool:
  """Returns whether fonts have the letters; chooses one if need be."""
  directions = {unicodedata.bidirectional(letter) for letter in name}
  if directions & {'R', 'AL'} and mpl.__version_info__ < (3, 11):
    return False  # It would be written from left to right.
  families = mpl.rcParams['font.family']
  missing = {ord(letter) for letter in name if not letter.isspace()}
  for family in families:
    font = font_manager.FontProperties(family=[family])
    missing -= _letters(font_manager.findfont(font))
  if not missing:
    return True
  for font in sorted(font_manager.fontManager.ttflist, key=lambda x: x.name):
    # A font of last resort has boxes for all letters.
    is_real = 'Last' not in font.name and font.style == 'normal'
    if is_real and missing <= _letters(font.fname):
      # Matplotlib takes letters that a font lacks from those behind it.
      mpl.rcParams['font.family'] = [*families, font.name]
      return True
  return False


@functools.cache
def _letters(path: str) -> frozenset[int]:
  return frozenset(font_manager.get_font(path).get_charmap())


def split_counts(
  counts: pd.DataFrame, *, knows_patients: bool = True
) -> mpl_figure.Figure:
  """Returns the figure of the module `split_counts` (paper, Figure 2)."""
  kinds = ('slices', 'patients') if knows_patients else ('slices',)
  splits = list(dict.fromkeys(counts['split']))
  class_names = list(dict.fromkeys(counts['class']))
  labels = drawn(class_names)
  figure = new(2.3 * len(kinds))
  panels = figure.subplots(len(kinds), 1, squeeze=False)[:, 0]
  width = 0.8 / len(class_names)
  for axes, what in zip(panels, kinds, strict=True):
    plain(axes).grid(axis='x', visible=False)
    of_class = counts.pivot(index='class', columns='split', values=what)
    for i, name in enumerate(class_names):
      heights = of_class.loc[name, splits].fillna(0).astype(int)
      places = np.arange(len(splits)) + (i - (len(class_names) - 1) / 2) * width
      bars = axes.bar(
        places,
        heights,
        width,
        color=colour(i),
        edgecolor='white',
        linewidth=0,
        hatch=_HATCHES[i // FEW % len(_HATCHES)],
        label=labels[i],
      )
      if len(class_names) <= FEW:
        # Three splits of three classes of a large data set have to fit.
        axes.bar_label(bars, [f'{x:,}' for x in heights], fontsize=7, padding=2)
    axes.set_xticks(range(len(splits)), drawn(splits, 'split'))
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
