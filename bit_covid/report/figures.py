# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The figures of a report, with captions and alternative texts."""

from collections.abc import Mapping, Sequence
import pathlib
from typing import Any

from matplotlib import figure as mpl_figure
import numpy as np
import pandas as pd

from bit_covid.analysis import calibration
from bit_covid.analysis import figures
from bit_covid.analysis import figures_curves
from bit_covid.analysis import figures_images
from bit_covid.analysis import interval as interval_lib
from bit_covid.analysis import measure_text
from bit_covid.analysis import predictions
from bit_covid.base import files
from bit_covid.report import blocks

_ERRORS = 8


def results(
  split: str, table: pd.DataFrame, numbers: Mapping[str, Any]
) -> list[figures.Picture]:
  """Returns confusion matrix, ROC and precision-recall curves of a split."""
  names, confusion = numbers['class_names'], numbers['confusion_matrix']
  of_split = f'{figures.counts(table)} of {split}'
  roc_auc = _areas(numbers, 'roc_auc')
  average_precision = _areas(numbers, 'average_precision')
  return [
    _picture(
      figures_curves.confusion_matrix(np.array(confusion), names),
      name='confusion_matrix',
      title='Confusion matrix',
      caption=f'{of_split}; shares are of the true class.',
      alt='Confusion matrix, true class in rows: '
      + '; '.join(map('{} {}'.format, names, confusion)),
    ),
    _picture(
      figures_curves.roc(table, roc_auc),
      name='roc',
      title='ROC curves',
      caption=f'Each class against the rest, {of_split}.',
      alt='ROC curves; areas: '
      + ', '.join(map('{} {}'.format, names, roc_auc)),
    ),
    _picture(
      figures_curves.precision_recall(table, average_precision),
      name='precision_recall',
      title='Precision and recall',
      caption=(
        f'Each class against the rest, {of_split}. Dotted: the share of '
        'slices of the class, which a guess would reach.'
      ),
      alt='Precision-recall curves; average precision: '
      + ', '.join(map('{} {}'.format, names, average_precision)),
    ),
  ]


def reliability(
  split: str, table: pd.DataFrame, numbers: Mapping[str, Any]
) -> figures.Picture:
  """Returns the reliability diagram, before and after the temperature."""
  found = numbers['calibration']
  curves = {'as predicted': calibration.reliability(table)}
  temperature = found['temperature']
  if temperature is not None:
    after = calibration.apply_temperature(table, temperature)
    curves[f'temperature {temperature:.2f}'] = calibration.reliability(after)
  return _picture(
    figures_curves.reliability(curves),
    name='reliability',
    title='Reliability',
    caption=(
      f'How often a prediction of a given confidence is right, '
      f'{figures.counts(table)} of {split} in {calibration.BINS} bins. '
      'On the dotted line, confidence is what it says. Upright lines are '
      f'{interval_lib.LEVEL_TEXT} intervals; the numbers of slices are below.'
    ),
    alt='Reliability diagram; expected calibration error '
    f'{measure_text.share(found["before"]["ece"]["value"])} % as predicted',
  )


def splits(
  counts: pd.DataFrame, *, per_class: int = 0, knows_patients: bool = True
) -> figures.Picture:
  """Returns slices and, if they are known, patients of each split by class.

  Of each class a run trained on `per_class` slices, or on all if it is 0.
  """
  caption = 'By class.'
  if 'train' not in set(counts['split']):
    caption = (
      'By class, in the splits that were predicted. The training split is not '
      'predicted.'
    )
  elif per_class:
    caption = (
      f'By class. Of the training split, {per_class:,} slices of each class '
      'were trained on.'
    )
  return _picture(
    figures.split_counts(counts, knows_patients=knows_patients),
    name='splits',
    title='Slices and patients' if knows_patients else 'Slices',
    caption=caption,
    alt='; '.join(
      f'{split}, {name}: {slices:,} slices'
      + (f' of {patients:,} patients' if knows_patients else '')
      for split, name, slices, patients in counts.itertuples(index=False)
    ),
  )


def training(rows: Sequence[Mapping[str, float]]) -> figures.Picture:
  """Returns the curves of metrics.jsonl."""
  return _picture(
    figures_curves.training(rows),
    name='training',
    title='Training',
    caption=(
      f'Measured during {rows[-1]["step"]:,} steps; the training loss is the '
      'mean since the point before. Points have no intervals: they serve to '
      'follow the training, and no result rests on them.'
    ),
    alt='Loss and accuracy by step; last: '
    + ', '.join(
      f'{key.replace("_", " ")} {value:.4g}' for key, value in rows[-1].items()
    ),
  )


def features(
  split: str, table: pd.DataFrame, path: pathlib.Path, *, seed: int
) -> list[figures.Picture]:
  """Returns t-SNE of the features in a file, coloured by class and by source.

  They are of the same slices as the table, in the same order.
  """
  rows = figures_images.sample(len(table), seed=seed)
  points = figures_images.embed(
    figures_images.read_features(path, table, rows), seed=seed
  )
  which = f'all {len(table):,} slices of {split}'
  if len(rows) < len(table):
    which = (
      f'{len(rows):,} of {len(table):,} slices of {split}, drawn by seed {seed}'
    )
  part = table.iloc[rows]
  classes = predictions.class_names(table)
  sources = part['source'].replace('', 'unknown')
  by_size = sources.value_counts().index.to_list()
  kinds = {
    'class': ([classes[i] for i in part['label']], classes, figures.colour),
    'source': (sources.to_list(), by_size, figures.series_colour),
  }
  return [
    _picture(
      figures_images.scatter(points, names, order, kind=kind, colour=colour),
      name=f'tsne_{kind}',
      title=f'Features by {kind}',
      caption=(
        f't-SNE of what the head sees: {which}. Distances between groups mean '
        'little.'
      ),
      alt=f't-SNE, a dot a slice, coloured by {kind}: {", ".join(order)}',
    )
    for kind, (names, order, colour) in kinds.items()
  ]


def gallery(
  errors: pd.DataFrame, images: figures_images.ImageFn
) -> figures.Picture:
  """Returns the slices of the first of `figures.confident_errors`."""
  errors = errors.head(_ERRORS)
  return _picture(
    figures_images.gallery(errors, images),
    name='errors',
    title='Most confident errors',
    caption=(
      'Surest first, at most one slice of each patient: '
      f'{", ".join(errors["slice_id"])}.'
    ),
    alt='; '.join(
      f'{x.truth} called {x.predicted}' for x in errors.itertuples()
    ),
  )


def maps(
  folder: pathlib.Path, class_names: Sequence[str]
) -> list[figures.Picture]:
  """Returns the PNG files of gradcam/, each with the text in its .txt file.

  Those of classes come first, in the order of the classes.
  """
  order = {files.safe_name(name): i for i, name in enumerate(class_names)}

  def place(path: pathlib.Path) -> tuple[int, str]:
    return order.get(path.stem, len(order)), path.stem

  result = []
  for path in sorted(folder.glob('*.png'), key=place):
    text = path.with_suffix('.txt')
    caption = text.read_text('utf-8').strip() if text.exists() else path.name
    result.append(
      figures.Picture(
        name=f'gradcam_{path.stem}',
        title='Class activation maps',
        caption=caption,
        alt=f'Class activation maps: {caption}',
        png=path.read_bytes(),
      )
    )
  return result


def _picture(figure: mpl_figure.Figure, **texts: str) -> figures.Picture:
  return figures.Picture(**texts, png=figures.png(figure))


def _areas(numbers: Mapping[str, Any], measure: str) -> list[str]:
  """Returns '0.998 (0.997 to 0.999)' for each class."""
  found = numbers['slice']['measures'][measure]
  cells = [blocks.cell(found[x], measure) for x in numbers['class_names']]
  return [f'{x.text} ({x.detail})' if x.detail else x.text for x in cells]
