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
from bit_covid.analysis import predictions
from bit_covid.report import blocks

_ERRORS = 8


def results(
  split: str, table: pd.DataFrame, numbers: Mapping[str, Any]
) -> list[figures.Picture]:
  """Returns confusion matrix, ROC and precision-recall curves of a split."""
  names = numbers['class_names']
  counts = figures.counts(table)
  measures = numbers['slice']['measures']
  return [
    picture(
      figures_curves.confusion_matrix(
        np.array(numbers['confusion_matrix']), names
      ),
      name='confusion_matrix',
      title='Confusion matrix',
      caption=f'{counts} of {split}; shares are of the true class.',
      alt='Confusion matrix, true class in rows: '
      + '; '.join(
        f'{name} {row}'
        for name, row in zip(names, numbers['confusion_matrix'], strict=True)
      ),
    ),
    picture(
      figures_curves.roc(table, _areas(measures, 'roc_auc', names)),
      name='roc',
      title='ROC curves',
      caption=f'Each class against the rest, {counts} of {split}.',
      alt='ROC curves; areas: ' + _listed(measures, 'roc_auc', names),
    ),
    picture(
      figures_curves.precision_recall(
        table, _areas(measures, 'average_precision', names)
      ),
      name='precision_recall',
      title='Precision and recall',
      caption=(
        f'Each class against the rest, {counts} of {split}. Dotted: the share '
        'of slices of the class, which a guess would reach.'
      ),
      alt='Precision-recall curves; average precision: '
      + _listed(measures, 'average_precision', names),
    ),
  ]


def reliability(
  split: str, table: pd.DataFrame, numbers: Mapping[str, Any]
) -> figures.Picture:
  """Returns the reliability diagram, before and after the temperature."""
  found = numbers['calibration']
  curves = {'as predicted': calibration.reliability(table)}
  if found['temperature'] is not None:
    curves[f'temperature {found["temperature"]:.2f}'] = calibration.reliability(
      calibration.apply_temperature(table, found['temperature'])
    )
  return picture(
    figures_curves.reliability(curves),
    name='reliability',
    title='Reliability',
    caption=(
      f'How often a prediction of a given confidence is right, '
      f'{figures.counts(table)} of {split} in {calibration.BINS} bins. '
      'On the dotted line, confidence is what it says. Bins of few slices '
      'scatter; their number is below.'
    ),
    alt='Reliability diagram; expected calibration error '
    f'{blocks.share(found["before"]["ece"]["value"])} % as predicted',
  )


def splits(counts: pd.DataFrame, *, per_class: int = 0) -> figures.Picture:
  """Returns slices and patients of each split by class.

  Args:
    counts: of the module `split_counts`.
    per_class: training slices of each class that a run took; 0: all.
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
  return picture(
    figures.split_counts(counts),
    name='splits',
    title='Slices and patients',
    caption=caption,
    alt='; '.join(
      f'{split}, {name}: {slices:,} slices of {patients:,} patients'
      for split, name, slices, patients in counts.itertuples(index=False)
    ),
  )


def training(rows: Sequence[Mapping[str, float]]) -> figures.Picture:
  """Returns the curves of metrics.jsonl."""
  return picture(
    figures_curves.training(rows),
    name='training',
    title='Training',
    caption=(
      f'Measured during {rows[-1]["step"]:,} steps; the training loss is the '
      'mean since the point before.'
    ),
    alt='Loss and accuracy by step; last: '
    + ', '.join(f'{key} {value:.4g}' for key, value in rows[-1].items()),
  )


def features(
  split: str, table: pd.DataFrame, path: pathlib.Path, *, seed: int
) -> list[figures.Picture]:
  """Returns t-SNE of the features, coloured by class and by source.

  Raises:
    ValueError: the features are of other slices, or too few.
  """
  rows = figures_images.sample(len(table), seed=seed)
  points = figures_images.embed(
    figures_images.read_features(path, table, rows), seed=seed
  )
  part = table.iloc[rows]
  names = predictions.class_names(table)
  sources = part['source'].replace('', 'unknown')
  kinds = {
    'class': ([names[int(x)] for x in part['label']], names, figures.colour),
    'source': (
      sources.to_list(),
      sources.value_counts().index.to_list(),
      figures.series_colour,
    ),
  }
  which = (
    f'{len(rows):,} of {len(table):,} slices of {split}, drawn by seed {seed}'
    if len(rows) < len(table)
    else f'all {len(table):,} slices of {split}'
  )
  return [
    picture(
      figures_images.scatter(points, values, order, colour=colour),
      name=f'tsne_{kind}',
      title=f'Features by {kind}',
      caption=(
        f't-SNE of what the head sees: {which}. Distances between groups mean '
        'little.'
      ),
      alt=f't-SNE, a dot a slice, coloured by {kind}: {", ".join(order)}',
    )
    for kind, (values, order, colour) in kinds.items()
  ]


def gallery(
  table: pd.DataFrame, images: figures_images.ImageFn
) -> figures.Picture:
  """Returns the most confident errors.

  Raises:
    FileNotFoundError: there is no image of one of them.
  """
  errors = figures.confident_errors(table, _ERRORS)
  return picture(
    figures_images.gallery(errors, images),
    name='errors',
    title='Most confident errors',
    caption=(
      'The surest wrong slice of each patient, surest first: '
      f'{", ".join(errors["slice_id"])}.'
    ),
    alt='; '.join(
      f'{x.truth} called {x.predicted}' for x in errors.itertuples()
    ),
  )


def maps(
  folder: pathlib.Path, class_names: Sequence[str]
) -> list[figures.Picture]:
  """Returns the PNG files of a folder, each with the text in its .txt file.

  Those of classes come first, in the order of the classes.
  """
  order = {name: i for i, name in enumerate(class_names)}
  result = []
  for path in sorted(
    folder.glob('*.png'),
    key=lambda x: (order.get(x.stem, len(order)), x.stem),
  ):
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


def picture(
  figure: mpl_figure.Figure, *, name: str, title: str, caption: str, alt: str
) -> figures.Picture:
  """Returns a figure as a picture."""
  return figures.Picture(
    name=name,
    title=title,
    caption=caption,
    alt=alt,
    png=figures.png(figure),
  )


def _areas(
  measures: Mapping[str, Any], measure: str, names: Sequence[str]
) -> list[str]:
  """Returns '0.998 (0.997 to 0.999)' of each class, for a legend."""
  texts = []
  for name in names:
    cell = blocks.cell(measures[measure][name], measure)
    texts.append(f'{cell.text} ({cell.detail})' if cell.detail else cell.text)
  return texts


def _listed(
  measures: Mapping[str, Any], measure: str, names: Sequence[str]
) -> str:
  texts = _areas(measures, measure, names)
  return ', '.join(
    f'{name} {text}' for name, text in zip(names, texts, strict=True)
  )
