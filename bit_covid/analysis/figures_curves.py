# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The confusion matrix, and ROC, PR, reliability and training curves."""

from collections.abc import Mapping, Sequence

from matplotlib import axes as mpl_axes
from matplotlib import figure as mpl_figure
from matplotlib import ticker
import numpy as np
import pandas as pd

from bit_covid.analysis import calibration
from bit_covid.analysis import colours
from bit_covid.analysis import figures
from bit_covid.analysis import operating_points
from bit_covid.analysis import predictions
from bit_covid.analysis import ratios


def confusion_matrix(
  confusion: np.ndarray, class_names: Sequence[str]
) -> mpl_figure.Figure:
  """Returns the confusion matrix with counts and shares of the true class."""
  confusion = np.asarray(confusion)
  shares = ratios.ratio(confusion, confusion.sum(axis=1, keepdims=True))
  figure = figures.new(4.6)
  axes = figure.subplots()
  image = axes.imshow(shares, cmap='Blues', vmin=0, vmax=1)
  is_large = len(class_names) > figures.FEW
  for (i, j), share in np.ndenumerate(shares):
    text = '' if np.isnan(share) or is_large else f'{share:.1%}\n'
    if is_large and not confusion[i, j]:
      continue
    axes.text(
      j,
      i,
      f'{text}{confusion[i, j]:,}',
      ha='center',
      va='center',
      color='white' if share > 0.6 else 'black',
      fontsize=4 if is_large else 11 if len(class_names) < 5 else 8,
    )
  places = range(len(class_names))
  labels = figures.drawn(class_names)
  size = 6 if is_large else None
  axes.set_xticks(places, labels, rotation=90 * is_large, fontsize=size)
  axes.set_yticks(
    places, labels, rotation=90 * (not is_large), va='center', fontsize=size
  )
  axes.tick_params(length=0)
  axes.set(xlabel='Predicted', ylabel='True')
  figure.colorbar(
    image,
    shrink=0.85,
    label='Share of the true class',
    format=ticker.PercentFormatter(1, decimals=0),
  )
  return figure


def roc(table: pd.DataFrame, areas: Sequence[str]) -> mpl_figure.Figure:
  """Returns the ROC curve of each class; `areas` are texts of the legend."""
  figure, axes = _square('1 - specificity', 'Sensitivity', len(areas))
  _diagonal(axes)
  names = predictions.class_names(table)
  labels = figures.drawn(names)
  for i, name in enumerate(names):
    curve = operating_points.roc_curve(table, name)
    _line(axes, curve, i, f'{labels[i]} {areas[i]}')
  _legend_below(figure, 'Area')
  return figure


def precision_recall(
  table: pd.DataFrame, areas: Sequence[str]
) -> mpl_figure.Figure:
  """Returns the precision-recall curves; `areas` are texts of the legend."""
  figure, axes = _square('Sensitivity (recall)', 'PPV (precision)', len(areas))
  names = predictions.class_names(table)
  labels = figures.drawn(names)
  for i, name in enumerate(names):
    curve = operating_points.precision_recall_curve(table, name)
    _line(axes, curve, i, f'{labels[i]} {areas[i]}')
    # The precision of a random guess.
    share = (table['label'] == i).mean()
    axes.axhline(share, color=figures.colour(i), linewidth=0.8, linestyle=':')
  _legend_below(figure, 'Average precision')
  return figure


def reliability(
  curves: Mapping[str, calibration.Reliability],
) -> mpl_figure.Figure:
  """Returns accuracy and, below it, the number of slices by confidence."""
  figure = figures.new(5.0)
  axes, below = figure.subplots(
    2, 1, sharex=True, gridspec_kw={'height_ratios': [3, 1]}
  )
  _diagonal(figures.plain(axes))
  figures.plain(below)
  for i, (name, curve) in enumerate(curves.items()):
    filled = curve.count > 0
    style = _series_style(i)
    axes.plot(
      curve.confidence[filled], curve.accuracy[filled], **style, label=name
    )
    axes.vlines(
      curve.confidence[filled],
      curve.low[filled],
      curve.high[filled],
      color=style['color'],
      linewidth=1,
      alpha=0.6,
    )
    below.stairs(curve.count, curve.edges, color=style['color'], linewidth=1.5)
  axes.set(ylim=(-0.02, 1.02), ylabel='Accuracy')
  axes.legend(loc='upper left')
  # On a linear scale, bins of few slices would be invisible.
  below.set_yscale('symlog', linthresh=1)
  below.set_ylim(bottom=0)
  below.set(xlabel='Confidence', ylabel='Slices')
  return figure


def training(rows: Sequence[Mapping[str, float]]) -> mpl_figure.Figure:
  """Returns loss and, if measured, accuracy by step (Figure 7)."""
  losses = _series(rows, '_loss')
  accuracies = _series(rows, '_accuracy')
  count = 1 + bool(accuracies)
  figure = figures.new(2.6 * count)
  panels = figure.subplots(count, 1, sharex=True, squeeze=False)[:, 0]
  # Training comes first and has the same colour in both panels.
  names = sorted({*losses, *accuracies}, key=lambda x: (x != 'train', x))
  labels = dict(zip(names, figures.drawn(names, 'split'), strict=True))
  for axes, series, label in zip(
    panels, (losses, accuracies), ('Loss', 'Accuracy'), strict=False
  ):
    figures.plain(axes).set_ylabel(label)
    for name, points in series.items():
      style = _series_style(names.index(name))
      if len(points) >= 40:
        style['marker'] = None
      steps, values = zip(*points, strict=True)
      axes.plot(steps, values, **style, markersize=4, label=labels[name])
    axes.legend()
  panels[0].set_ylim(bottom=0)
  panels[-1].set_xlabel('Step')
  if accuracies:
    # As many decimals as the ticks need to differ.
    panels[1].yaxis.set_major_formatter(ticker.PercentFormatter(1))
  return figure


def _series(
  rows: Sequence[Mapping[str, float]], ending: str
) -> dict[str, list[tuple[float, float]]]:
  series = {}
  for row in rows:
    for key, value in row.items():
      if key.endswith(ending):
        points = series.setdefault(key.removesuffix(ending), [])
        points.append((row['step'], value))
  return series


def _square(
  xlabel: str, ylabel: str, num_classes: int
) -> tuple[mpl_figure.Figure, mpl_axes.Axes]:
  more = max(0, num_classes - figures.FEW)
  figure = figures.new(5.4 + 0.06 * more)
  axes = figures.plain(figure.subplots())
  axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect='equal')
  axes.set(xlabel=xlabel, ylabel=ylabel)
  return figure, axes


def _diagonal(axes: mpl_axes.Axes) -> None:
  axes.plot([0, 1], [0, 1], color=colours.GRAY, linewidth=1, linestyle=':')


def _series_style(index: int) -> dict[str, str | None]:
  return {
    'color': figures.series_colour(index),
    'linestyle': figures.dashes(index),
    'marker': figures.marker(index),
  }


def _legend_below(figure: mpl_figure.Figure, title: str) -> None:
  """Adds the legend outside the axes, where it hides no curve."""
  is_large = len(figure.axes[0].get_legend_handles_labels()[1]) > figures.FEW
  figure.legend(
    loc='outside lower center',
    title=title,
    fontsize=6 if is_large else 9,
    ncols=2 if is_large else 1,
    handlelength=3,
    frameon=False,
  )


def _line(
  axes: mpl_axes.Axes, curve: operating_points.Curve, index: int, label: str
) -> None:
  axes.plot(
    curve.x,
    curve.y,
    color=figures.colour(index),
    linestyle=figures.dashes(index),
    linewidth=2,
    label=label,
  )
