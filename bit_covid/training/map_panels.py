# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Grad-CAM panels of a run, a picture a class: `<workdir>/gradcam/<class>.png`.

As Figure 9 of the paper, with wrong cases beside the correct ones.
"""

from collections.abc import Mapping
from typing import Any

from etils import epath
from matplotlib import figure as mpl_figure
import ml_collections
import numpy as np
import pandas as pd

from bit_covid.analysis import figures
from bit_covid.analysis import predictions
from bit_covid.base import files
from bit_covid.models import gradcam
from bit_covid.models import normalize
from bit_covid.models import resnet_v2
import input_pipeline

# Correct cases of a class, and wrong ones.
_CASES = 3


def write(
  workdir: epath.Path,
  split: str,
  examples: input_pipeline.Examples,
  *,
  network: resnet_v2.ResNetV2,
  params: Mapping[str, Any],
  config: ml_collections.ConfigDict,
) -> None:
  """Writes the panels of a split whose predictions are in the work directory.

  Args:
    workdir: of the run.
    split: its name.
    examples: the split, in the order of its predictions.
    network: what the parameters are of.
    params: parameter tree.
    config: the field `data` of a config.
  """
  table = predictions.read(workdir / 'predictions' / f'{split}.csv')
  folder = workdir / 'gradcam'
  folder.mkdir(exist_ok=True)
  for name, rows in choose(table).items():
    images = _load(examples, rows, config)
    maps = gradcam.apply(network, params, normalize.to_model_range(images))
    figure = draw(images[..., 0], np.asarray(maps), table.iloc[rows])
    files.write(folder / f'{name}.png', figures.png(figure))
    caption = (
      f'{name} slices of {split}: cropped slice, Grad-CAM of the predicted '
      'class, both. The most confident correct and wrong cases, one a patient. '
      f'The map has {_map_side(config.crop)} x {_map_side(config.crop)} '
      'positions before it is enlarged: it shows where, not what.'
    )
    files.write(folder / f'{name}.txt', caption.encode())


def choose(table: pd.DataFrame) -> dict[str, list[int]]:
  """Returns the rows of the cases of each class that has slices, by its name.

  The most confident correct ones, then the most confident wrong ones, each of
  another patient.
  """
  probabilities = predictions.probabilities(table)
  predicted = probabilities.argmax(axis=1)
  order = np.argsort(-probabilities.max(axis=1), kind='stable')
  label = table['label'].to_numpy(np.int64)
  patient = table['patient_id'].to_numpy(str)
  chosen = {}
  for number, name in enumerate(predictions.class_names(table)):
    rows = []
    for is_correct in (True, False):
      found = {}
      for row in order[label[order] == number]:
        if (predicted[row] == number) == is_correct:
          found.setdefault(patient[row], int(row))
      rows += list(found.values())[:_CASES]
    if rows:
      chosen[name] = rows
  return chosen


def draw(
  images: np.ndarray, maps: np.ndarray, cases: pd.DataFrame
) -> mpl_figure.Figure:
  """Returns a row a case: slice, map, and the map over the slice.

  Args:
    images: `[N, S, S]` uint8.
    maps: `[N, S, S]` in [0, 1].
    cases: N rows of a predictions table.
  """
  names = predictions.class_names(cases)
  probabilities = predictions.probabilities(cases)
  figure = figures.new(1.75 * len(images))
  grid = figure.subplots(len(images), 3, squeeze=False)
  for row, image, heat, label, p in zip(
    grid, images, maps, cases['label'], probabilities, strict=True
  ):
    row[0].imshow(image, cmap='gray', vmin=0, vmax=255)
    row[1].imshow(heat, cmap=figures.MAP_COLOURS, vmin=0, vmax=1)
    row[2].imshow(image, cmap='gray', vmin=0, vmax=255)
    row[2].imshow(heat, cmap=figures.MAP_COLOURS, vmin=0, vmax=1, alpha=0.45)
    verdict = f'{names[p.argmax()]}, {p.max():.0%}'
    is_correct = p.argmax() == label
    row[0].set_ylabel(
      f'{"correct" if is_correct else "wrong"}:\n{verdict}', fontsize=8
    )
    for axes in row:
      axes.set_xticks([])
      axes.set_yticks([])
  return figure


def _load(
  examples: input_pipeline.Examples,
  rows: list[int],
  config: ml_collections.ConfigDict,
) -> np.ndarray:
  """Returns the slices of those rows as the network gets them, uint8."""
  dataset = input_pipeline.evaluation_batches(
    examples.take(rows), config, batch=len(rows)
  )
  (batch,) = input_pipeline.as_numpy(dataset)
  return batch['image']


def _map_side(crop: int) -> int:
  """Returns the side of the last feature map: five halvings, rounded up."""
  return -(-crop // 32)
