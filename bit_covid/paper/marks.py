# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The marks of numbers in all pictures of the paper.

A dot is the mean over the seeds, a thin line its interval, a broad pale line
the range from the smallest to the largest seed, and a hollow diamond a
published number.
"""

from collections.abc import Sequence
import math
import textwrap

from matplotlib import axes as mpl_axes
from matplotlib import figure as mpl_figure
from matplotlib import lines

from bit_covid.analysis import colours
from bit_covid.analysis import figures
from bit_covid.analysis import interval as interval_lib
from bit_covid.analysis import intervals
from bit_covid.paper import rows

# By the kind of a row.
COLOURS = {rows.OURS: '#332288', rows.LIVE: '#117733'}
_CAUTION = '#A3195B'
_CHARACTERS = 84
_RANGE = {'linewidth': 6, 'alpha': 0.3}
_INTERVAL = {'linewidth': 1.2}
_DIAMOND = {
  'marker': 'D',
  'markersize': 6.5,
  'markerfacecolor': 'none',
  'markeredgewidth': 1.2,
  'linestyle': '',
  'zorder': 3,
}


def measured(
  axes: mpl_axes.Axes,
  place: float,
  number: intervals.Repeated,
  *,
  colour: str,
  marker: str = 'o',
  across: bool = False,
) -> None:
  """Draws a number at a place on the x axis, or on the y axis if `across`."""

  def draw(values: Sequence[float], **style: object) -> None:
    places = [place] * len(values)
    x, y = (values, places) if across else (places, values)
    axes.plot(x, y, color=colour, **style)

  ends = (number.smallest, number.largest)
  draw(ends, solid_capstyle='butt', **_RANGE)
  draw((number.low, number.high), solid_capstyle='butt', **_INTERVAL)
  draw((number.value,), marker=marker, markersize=5, linestyle='')


def curve(
  axes: mpl_axes.Axes,
  places: Sequence[float],
  numbers: Sequence[intervals.Repeated | None],
  *,
  index: int,
) -> None:
  """Draws the numbers of a series and a line through them, with gaps for None.

  The index of the series decides colour, dashes and marker.
  """
  colour, marker = figures.series_colour(index), figures.marker(index)
  axes.plot(
    places,
    [math.nan if x is None else x.value for x in numbers],
    color=colour,
    linestyle=figures.dashes(index),
    linewidth=1,
  )
  for place, number in zip(places, numbers, strict=True):
    if number is not None:
      measured(axes, place, number, colour=colour, marker=marker)


def published(
  axes: mpl_axes.Axes,
  place: float,
  value: float,
  *,
  colour: str = 'black',
  across: bool = False,
) -> None:
  """Draws a published number as a hollow diamond."""
  x, y = (value, place) if across else (place, value)
  axes.plot(x, y, markeredgecolor=colour, **_DIAMOND)


def legend(
  figure: mpl_figure.Figure,
  *,
  seeds: int,
  series: Sequence[str] = (),
  others: Sequence[lines.Line2D] = (),
  has_published: bool = True,
) -> None:
  """Adds the legend below the figure: first the series of `curve`, by name.

  `seeds` is the largest number of seeds behind a number, 0 if nothing was
  measured. `others` are handles of further marks.
  """
  handles = [
    *(line(name, i, marker=figures.marker(i)) for i, name in enumerate(series)),
    *others,
  ]
  if seeds:
    name = 'one run' if seeds == 1 else 'mean over seeds'
    interval = f'{interval_lib.LEVEL_TEXT} interval (patients)'
    handles += [
      handle(f'measured here, {name}', marker='o', linestyle=''),
      handle(interval, **_INTERVAL),
    ]
  if seeds > 1:
    handles.append(band())
  if has_published:
    handles.append(handle('published', markeredgecolor='black', **_DIAMOND))
  figure.legend(
    handles=handles,
    loc='outside lower center',
    ncols=2,
    frameon=False,
    fontsize=8,
  )


def band() -> lines.Line2D:
  """Returns the legend's handle of the range over the seeds."""
  return handle('smallest to largest seed', **_RANGE)


def line(label: str, index: int, *, marker: str = '') -> lines.Line2D:
  """Returns the legend's handle of a series."""
  return handle(
    label,
    colour=figures.series_colour(index),
    marker=marker,
    linestyle=figures.dashes(index),
  )


def handle(
  label: str, *, colour: str = colours.GRAY, **style: object
) -> lines.Line2D:
  """Returns a handle of a legend."""
  return lines.Line2D([], [], color=colour, label=label, **style)


def note(
  axes: mpl_axes.Axes, place: float, text: str, *, across: bool = False
) -> None:
  """Writes why a number is missing at its place; see `measured`."""
  style = {'color': colours.GRAY, 'fontsize': 8, 'style': 'italic'}
  if across:
    transform = axes.get_yaxis_transform()
    axes.text(0.03, place, text, transform=transform, va='center', **style)
  else:
    transform = axes.get_xaxis_transform()
    style |= {'rotation': 90, 'ha': 'center', 'va': 'bottom'}
    axes.text(place, 0.03, text, transform=transform, **style)


def caution(figure: mpl_figure.Figure, text: str) -> None:
  """Writes a warning above the figure, unless it is empty."""
  if text:
    figure.suptitle(
      textwrap.fill(text, _CHARACTERS),
      x=0.02,
      ha='left',
      fontsize=7.5,
      color=_CAUTION,
    )


def message(text: str) -> mpl_figure.Figure:
  """Returns a figure of a text only, for a result that is missing."""
  figure = figures.new(1.6)
  axes = figure.subplots()
  axes.set_axis_off()
  axes.text(
    0.5,
    0.5,
    textwrap.fill(text, 60),
    transform=axes.transAxes,
    ha='center',
    va='center',
    color=colours.GRAY,
  )
  return figure
