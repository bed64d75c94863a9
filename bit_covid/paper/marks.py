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

from bit_covid.analysis import bootstrap
from bit_covid.analysis import figures
from bit_covid.analysis import repeated_runs

OURS = '#332288'
LIVE = '#117733'
_CAUTION = '#A3195B'
_CHARACTERS = 84


def measured(
  axes: mpl_axes.Axes,
  place: float,
  number: repeated_runs.Repeated,
  *,
  colour: str,
  marker: str = 'o',
  across: bool = False,
) -> None:
  """Draws a number at a place on the x axis, or on the y axis if `across`."""

  def line(ends: Sequence[float], **style: float) -> None:
    both = [place, place]
    x, y = (ends, both) if across else (both, ends)
    axes.plot(x, y, color=colour, solid_capstyle='butt', **style)

  line((number.smallest, number.largest), linewidth=6, alpha=0.3)
  line((number.low, number.high), linewidth=1.2)
  x, y = (number.value, place) if across else (place, number.value)
  axes.plot(x, y, color=colour, marker=marker, markersize=5, linestyle='')


def curve(
  axes: mpl_axes.Axes,
  places: Sequence[float],
  numbers: Sequence[repeated_runs.Repeated | None],
  *,
  index: int,
) -> None:
  """Draws numbers and a line through them, with gaps where there are none.

  Args:
    axes: the axes.
    places: on the x axis, one for each number.
    numbers: None where nothing was measured.
    index: of the series, which decides colour, dashes and marker.
  """
  colour = figures.series_colour(index)
  axes.plot(
    places,
    [math.nan if x is None else x.value for x in numbers],
    color=colour,
    linestyle=figures.dashes(index),
    linewidth=1,
  )
  for place, number in zip(places, numbers, strict=True):
    if number is not None:
      marker = figures.marker(index)
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
  axes.plot(x, y, **_diamond(colour))


def legend(
  figure: mpl_figure.Figure,
  *,
  seeds: int,
  has_published: bool = True,
  others: Sequence[lines.Line2D] = (),
) -> None:
  """Adds the legend of the marks below the figure.

  Args:
    figure: the figure.
    seeds: largest number of seeds behind a number, 0 if nothing was measured.
    has_published: whether there are diamonds.
    others: handles of further marks.
  """
  gray = figures.GRAY
  interval = f'{bootstrap.LEVEL_TEXT} interval (patients)'
  handles = list(others)
  if seeds:
    name = 'one run' if seeds == 1 else 'mean over seeds'
    handles += [
      _handle(gray, marker='o', linestyle='', label=f'measured here, {name}'),
      _handle(gray, linewidth=1.2, label=interval),
    ]
  if seeds > 1:
    handles.append(band())
  if has_published:
    handles.append(lines.Line2D([], [], label='published', **_diamond('black')))
  figure.legend(
    handles=handles,
    loc='outside lower center',
    ncols=2,
    frameon=False,
    fontsize=8,
  )


def band() -> lines.Line2D:
  """Returns the legend's handle of the range over the seeds."""
  return _handle(
    figures.GRAY, linewidth=6, alpha=0.3, label='smallest to largest seed'
  )


def not_run(
  axes: mpl_axes.Axes, place: float, status: str, *, across: bool = True
) -> None:
  """Writes the reason for a missing number in its place."""
  transform = (
    axes.get_yaxis_transform() if across else (axes.get_xaxis_transform())
  )
  axes.text(
    *((0.02, place) if across else (place, 0.03)),
    status,
    transform=transform,
    color=figures.GRAY,
    fontsize=8,
    style='italic',
    rotation=0 if across else 90,
    va='center' if across else 'bottom',
    ha='left' if across else 'center',
  )


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
    color=figures.GRAY,
  )
  return figure


def series(label: str, index: int, *, marker: str = '') -> lines.Line2D:
  """Returns the legend's handle of a series, a line with or without marks."""
  return _handle(
    figures.series_colour(index),
    label=label,
    marker=marker,
    linestyle=figures.dashes(index),
  )


def is_there(value: float | None) -> bool:
  """Returns whether the value is a number, not None or NaN."""
  return value is not None and not math.isnan(value)


def _handle(colour: str, **style: object) -> lines.Line2D:
  return lines.Line2D([], [], color=colour, **style)


def _diamond(colour: str) -> dict[str, object]:
  return {
    'marker': 'D',
    'markersize': 6.5,
    'markerfacecolor': 'none',
    'markeredgecolor': colour,
    'markeredgewidth': 1.2,
    'linestyle': '',
    'zorder': 3,
  }
