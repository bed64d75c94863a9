# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Measures how far the Grad-CAM maps of a run can be trusted.

Writes two tables, `<workdir>/gradcam/energy.csv` and `randomization.csv`, which
the report reads with `analysis.map_evidence`.
"""

from collections.abc import Mapping, Sequence
import io
from typing import Any

from etils import epath
import ml_collections
import numpy as np
import pandas as pd
from PIL import Image

from bit_covid.analysis import map_evidence
from bit_covid.analysis import predictions
from bit_covid.base import files
from bit_covid.models import cascading_randomization
from bit_covid.models import gradcam
from bit_covid.models import normalize
from bit_covid.models import resnet_v2
import input_pipeline
from input_pipeline import body_crop

# Number of slices, over all classes, whose energy is measured.
_SLICES = 200
# Number of slices of each class whose maps are randomized, and how often each.
_RANDOMIZED = 3
SEEDS = 5
# For a network with more parameters, a third of the slices is measured, as the
# cost of a map grows with the number of parameters.
_LARGE = 10**8
# Slices per forward pass.
_BATCH = 16


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
  """Writes both tables of a split.

  Args:
    workdir: of the run.
    split: name of the split.
    examples: the split.
    table: its predictions, in the same order.
    model: the network.
    params: its parameter tree.
    config: of the run; its fields `data` and `seed` are used.
  """
  share = 3 if resnet_v2.parameter_count(params) > _LARGE else 1
  per_class = _SLICES // share // len(examples.class_names)
  rows = choose(examples.label, per_class=max(1, per_class), seed=config.seed)
  found = energy(
    examples.take(rows), model=model, params=params, data_config=config.data
  )
  folder = workdir / 'gradcam'
  folder.mkdir(exist_ok=True)
  _write(folder / 'energy.csv', split, found, map_evidence.ENERGY_COLUMNS)
  rows = choose(
    examples.label,
    patient_id=examples.patient_id,
    per_class=_RANDOMIZED // share,
    seed=config.seed,
  )
  found = randomization(
    examples.take(rows),
    predictions.probabilities(table).argmax(axis=1)[rows],
    model=model,
    params=params,
    data_config=config.data,
  )
  _write(
    folder / 'randomization.csv',
    split,
    found,
    map_evidence.RANDOMIZATION_COLUMNS,
  )


def choose(
  label: np.ndarray,
  *,
  per_class: int,
  seed: int,
  patient_id: np.ndarray | None = None,
) -> np.ndarray:
  """Returns the sorted rows of slices of each class, drawn at random.

  Args:
    label: `[N]` int; slices with a negative label are not chosen.
    per_class: the largest number of slices of a class.
    seed: of the draw.
    patient_id: `[N]` text. If it is given, at most one slice of a patient and
      class is chosen.
  """
  chosen = []
  for value in np.unique(label[label >= 0]):
    generator = np.random.default_rng([seed, int(value)])
    rows = generator.permutation(np.flatnonzero(label == value))
    if patient_id is not None:
      rows = rows[np.unique(patient_id[rows], return_index=True)[1]]
      # `np.unique` sorts the patients by name.
      rows = generator.permutation(rows)
    chosen.append(rows[:per_class])
  return np.sort(np.concatenate(chosen))


def energy(
  examples: input_pipeline.Examples,
  *,
  model: resnet_v2.ResNetV2,
  params: Mapping[str, Any],
  data_config: ml_collections.ConfigDict,
) -> pd.DataFrame:
  """Returns the rows of energy.csv without the column of the split.

  The maps are of whole slices, because a slice that is cropped to its box has
  nothing outside the box.

  Args:
    examples: the slices.
    model: the network.
    params: its parameter tree.
    data_config: the field `data` of a config.
  """
  whole = ml_collections.ConfigDict(data_config)
  if examples.preparation is None:
    whole.box = 'none'
  boxes = [_box(examples, i, data_config) for i in range(len(examples))]
  predicted, inside = [], []
  dataset = input_pipeline.evaluation_batches(examples, whole, batch=_BATCH)
  for batch in input_pipeline.as_numpy(dataset):
    kept = batch['mask']
    images = normalize.to_model_range(batch['image'])
    logits, maps = gradcam.logits_and_maps(model, params, images)
    predicted.append(np.asarray(logits).argmax(axis=1)[kept])
    batch_boxes = np.array([boxes[i] for i in batch['index']])
    shares = gradcam.energy_inside(np.asarray(maps), batch_boxes)
    inside.append(shares[kept])
  names = np.array(examples.class_names)
  boxes = np.array(boxes)
  area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) / data_config.crop**2
  has_box = area > 0
  kind = 'automatic' if data_config.box == 'automatic' else 'annotated'
  return pd.DataFrame(
    {
      'slice_id': examples.slice_id,
      'patient_id': examples.patient_id,
      'class': names[examples.label],
      'predicted': names[np.concatenate(predicted)],
      'box': np.where(has_box, kind, ''),
      'inside': np.where(has_box, np.concatenate(inside), np.nan),
      'area': np.where(has_box, area, np.nan),
    }
  )


def randomization(
  examples: input_pipeline.Examples,
  predicted: np.ndarray,
  *,
  model: resnet_v2.ResNetV2,
  params: Mapping[str, Any],
  data_config: ml_collections.ConfigDict,
) -> pd.DataFrame:
  """Returns the rows of randomization.csv without the column of the split.

  Args:
    examples: N slices.
    predicted: `[N]` int, the class whose map is computed.
    model: the network.
    params: its parameter tree.
    data_config: the field `data` of a config.
  """
  dataset = input_pipeline.evaluation_batches(
    examples, data_config, batch=len(examples)
  )
  (batch,) = input_pipeline.as_numpy(dataset)
  images = normalize.to_model_range(batch['image'])
  names = np.array(examples.class_names)
  parts = []
  for seed in range(SEEDS):
    found = cascading_randomization.similarity(
      model, params, images, predicted, seed=seed
    )
    parts += [
      pd.DataFrame(
        {
          'slice_id': examples.slice_id,
          'class': names[examples.label],
          'predicted': names[predicted],
          'seed': seed,
          'stage': stage,
          'similarity': similarity,
        }
      )
      for stage, similarity in found.items()
    ]
  return pd.concat(parts, ignore_index=True)


def _box(
  examples: input_pipeline.Examples,
  index: int,
  data_config: ml_collections.ConfigDict,
) -> tuple[int, int, int, int]:
  """Returns xmin, ymin, xmax, ymax of a slice's box, in pixels of its map.

  The box is the automatic one if the config asks for it, and otherwise the
  annotated one. It is all zeros if there is none, or if the slice is stored
  cropped, as then nothing is outside the box.
  """
  if examples.preparation is not None:
    return 0, 0, 0, 0
  xmin, ymin, xmax, ymax = examples.box[index].tolist()
  if data_config.box != 'automatic' and not (xmax and ymax):
    return 0, 0, 0, 0
  with Image.open(io.BytesIO(examples.read(index))) as image:
    width, height = image.size
    if data_config.box == 'automatic':
      gray = np.asarray(image.convert('L'))
      xmin, ymin, xmax, ymax = body_crop.body_box(gray).tolist()
  # A pixel that is partly in the box counts as inside.
  side = data_config.crop
  return (
    xmin * side // width,
    ymin * side // height,
    -(-xmax * side // width),
    -(-ymax * side // height),
  )


def _write(
  path: epath.Path, split: str, table: pd.DataFrame, columns: Sequence[str]
) -> None:
  text = table.assign(split=split)[list(columns)].to_csv(index=False)
  files.write(path, text.encode())
