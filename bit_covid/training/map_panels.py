# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Grad-CAM panels of a run, one per class: `<workdir>/gradcam/<class>.png`.

They resemble Figure 9 of the paper, but show wrong predictions as well.
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

# Number of correct cases per class, and of wrong ones.
_CASES = 3


def write(
  workdir: epath.Path,
  split: str,
  examples: input_pipeline.Examples,
  table: pd.DataFrame,
  *,
  model: resnet_v2.ResNetV2,
  params: Mapping[str, Any],
  config: ml_collections.ConfigDict,
) -> None:
  """Writes the panels of a split, each with a caption in a text file.

  Args:
    workdir: of the run.
    split: name of the split.
    examples: the split.
    table: its predictions, in the same order.
    model: the network.
    params: its parameter tree.
    config: of the run; its field `data` is used.
  """
  folder = workdir / 'gradcam'
  folder.mkdir(exist_ok=True)
  for name, rows in choose(table).items():
    images = _load(examples, rows, config.data)
    pixels = normalize.to_model_range(images)
    _, maps = gradcam.logits_and_maps(model, params, pixels)
    figure = draw(images[..., 0], np.asarray(maps), table.iloc[rows])
    files.write(folder / f'{name}.png', figures.png(figure))
    side = _map_side(config.data.crop)
    caption = (
      f'{name} slices of {split}: cropped slice, Grad-CAM of the predicted '
      'class, both. The most confident correct and wrong cases, one a patient. '
      f'The map has {side} x {side} positions before it is enlarged: it shows '
      'where, not what.'
    )
    files.write(folder / f'{name}.txt', caption.encode())


def choose(table: pd.DataFrame) -> dict[str, list[int]]:
  """Returns the rows of the cases to show, by the name of their true class.

  The most confident correct predictions come first, then the most confident
  wrong ones, each of another patient. Classes without slices are left out.

  Args:
    table: a predictions table.
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
  """Returns a figure with a row per case: slice, map, and both overlaid.

  Args:
    images: `[N, S, S]` uint8.
    maps: `[N, S, S]` float in [0, 1].
    cases: the N rows of a predictions table.
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
  """Returns the slices as they are given to the network, uint8 `[N, S, S, 1]`.

  `config` is the field `data` of a config.
  """
  dataset = input_pipeline.evaluation_batches(
    examples.take(rows), config, batch=len(rows)
  )
  (batch,) = input_pipeline.as_numpy(dataset)
  return batch['image']


def _map_side(crop: int) -> int:
  """Returns the side of the last feature map, which is halved five times."""
  return -(-crop // 32)
