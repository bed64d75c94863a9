# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Grad-CAM panels of a run, one per class: `<workdir>/gradcam/<class>.png`.

They resemble Figure 9 of the paper, but show wrong predictions as well.
"""

from collections.abc import Mapping, Sequence
import dataclasses
from typing import Any

from etils import epath
from matplotlib import figure as mpl_figure
import ml_collections
import numpy as np
import pandas as pd

from bit_covid.analysis import colours
from bit_covid.analysis import figures
from bit_covid.analysis import predictions
from bit_covid.base import files
from bit_covid.models import gradcam
from bit_covid.models import normalize
from bit_covid.models import resnet_v2
import input_pipeline

# Number of correct cases per class, and of wrong ones.
_CASES = 3


@dataclasses.dataclass(frozen=True)
class EvaluatedSplit:
  """A split, its predictions, and the network that made them.

  The predictions table has the order of the examples. `config` is that of the
  run, of which `data` and `seed` are used.
  """

  name: str
  examples: input_pipeline.Examples
  table: pd.DataFrame
  model: resnet_v2.ResNetV2
  params: Mapping[str, Any]
  config: ml_collections.ConfigDict

  def take(self, rows: Sequence[int]) -> 'EvaluatedSplit':
    """Returns a part of the split."""
    return dataclasses.replace(
      self, examples=self.examples.take(rows), table=self.table.iloc[rows]
    )

  def images(self) -> np.ndarray:
    """Returns the slices as the network gets them, `[N, S, S, 1]` uint8."""
    dataset = input_pipeline.evaluation_batches(
      self.examples, self.config.data, batch=len(self.examples)
    )
    (batch,) = input_pipeline.as_numpy(dataset)
    return batch['image']


def write(workdir: epath.Path, evaluated: EvaluatedSplit) -> None:
  """Writes the panels of a split, each with a caption in a text file."""
  folder = workdir / 'gradcam'
  folder.mkdir(exist_ok=True)
  # Of the last feature map: the size of the input is halved five times.
  side = -(-evaluated.config.data.crop // 32)
  for name, rows in choose(evaluated.table).items():
    stem = files.safe_name(name)
    cases = evaluated.take(rows)
    images = cases.images()
    pixels = normalize.to_model_range(images)
    _, maps = gradcam.logits_and_maps(cases.model, cases.params, pixels)
    figure = _draw(images[..., 0], np.asarray(maps), cases.table)
    files.write(folder / f'{stem}.png', figures.png(figure))
    caption = (
      f'{name} slices of {cases.name}: cropped slice, Grad-CAM of the '
      'predicted class, both. The most confident correct and wrong cases, one '
      f'a patient. The map has {side} x {side} positions before it is '
      'enlarged: it shows where, not what.'
    )
    files.write(folder / f'{stem}.txt', caption.encode())


def choose(table: pd.DataFrame) -> dict[str, list[int]]:
  """Returns the rows of the cases to show, by the name of their true class.

  The most confident correct predictions come first, then the most confident
  wrong ones, each of another patient. Classes without slices are left out.
  """
  probabilities = predictions.probabilities(table)
  label = table['label'].to_numpy(np.int64)
  cases = pd.DataFrame(
    {
      'label': label,
      'is_wrong': probabilities.argmax(axis=1) != label,
      'patient': table['patient_id'].to_numpy(str),
    }
  )
  order = np.argsort(-probabilities.max(axis=1), kind='stable')
  cases = cases.iloc[order].drop_duplicates()
  cases = cases.groupby(['label', 'is_wrong']).head(_CASES)
  cases = cases.sort_values('is_wrong', kind='stable')
  names = predictions.class_names(table)
  return {
    names[number]: rows.index.tolist()
    for number, rows in cases.groupby('label')
  }


def _draw(
  images: np.ndarray, maps: np.ndarray, cases: pd.DataFrame
) -> mpl_figure.Figure:
  """Returns a figure with a row per case: slice, map, and both overlaid."""
  names = figures.drawn(predictions.class_names(cases))
  probabilities = predictions.probabilities(cases)
  figure = figures.new(1.75 * len(images))
  grid = figure.subplots(
    len(images), 3, squeeze=False, subplot_kw={'xticks': [], 'yticks': []}
  )
  for row, image, heat, label, p in zip(
    grid, images, maps, cases['label'], probabilities, strict=True
  ):
    row[0].imshow(image, cmap='gray', vmin=0, vmax=255)
    row[1].imshow(heat, cmap=colours.MAPS, vmin=0, vmax=1)
    row[2].imshow(image, cmap='gray', vmin=0, vmax=255)
    row[2].imshow(
      heat, cmap=colours.MAPS, vmin=0, vmax=1, alpha=colours.MAP_OPACITY
    )
    verdict = 'correct' if p.argmax() == label else 'wrong'
    row[0].set_ylabel(
      f'{verdict}:\n{names[p.argmax()]}, {p.max():.0%}', fontsize=8
    )
  return figure
