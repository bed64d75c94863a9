# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What speaks for the Grad-CAM maps of a run, or against them, as two tables.

`<workdir>/gradcam/energy.csv` and `randomization.csv`; their columns are those
of `analysis.map_evidence`, which the report reads them with.
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
from bit_covid.models import gradcam
from bit_covid.models import normalize
from bit_covid.models import resnet_v2
import input_pipeline
from input_pipeline import body_crop

# Slices of all classes together whose energy is measured.
_SLICES = 200
# Slices of each class whose maps are randomized, and how often.
_RANDOMIZED = 3
SEEDS = 5
# A network of more parameters than this takes a third of the slices: its maps
# cost as many times more as it has parameters.
_LARGE = 10**8
# Slices at once.
_BATCH = 16


def write(
  workdir: epath.Path,
  split: str,
  examples: input_pipeline.Examples,
  *,
  network: resnet_v2.ResNetV2,
  params: Mapping[str, Any],
  config: ml_collections.ConfigDict,
) -> None:
  """Writes both tables of a split whose predictions are in the work directory.

  Args:
    workdir: of the run.
    split: its name.
    examples: the split, in the order of its predictions.
    network: what the parameters are of.
    params: parameter tree.
    config: of the run; its fields `data` and `seed` are used.
  """
  share = 3 if resnet_v2.parameter_count(params) > _LARGE else 1
  per_class = _SLICES // share // len(examples.class_names)
  rows = choose(examples.label, per_class=max(1, per_class), seed=config.seed)
  table = energy(
    examples.take(rows), network=network, params=params, config=config.data
  )
  folder = workdir / 'gradcam'
  folder.mkdir(exist_ok=True)
  _write(folder / 'energy.csv', split, table, map_evidence.ENERGY_COLUMNS)
  rows = choose(
    examples.label,
    patient_id=examples.patient_id,
    per_class=_RANDOMIZED // share,
    seed=config.seed,
  )
  predicted = predictions.probabilities(
    predictions.read(workdir / 'predictions' / f'{split}.csv')
  ).argmax(axis=1)
  table = randomization(
    examples.take(rows),
    predicted[rows],
    network=network,
    params=params,
    config=config.data,
  )
  _write(
    folder / 'randomization.csv',
    split,
    table,
    map_evidence.RANDOMIZATION_COLUMNS,
  )


def choose(
  label: np.ndarray,
  *,
  per_class: int,
  seed: int,
  patient_id: np.ndarray | None = None,
) -> np.ndarray:
  """Returns sorted rows of at most `per_class` slices of each class, at random.

  With `patient_id`, one slice of a patient and class at most.
  """
  chosen = []
  for value in np.unique(label[label >= 0]):
    generator = np.random.default_rng([seed, int(value)])
    rows = generator.permutation(np.flatnonzero(label == value))
    if patient_id is not None:
      rows = rows[np.unique(patient_id[rows], return_index=True)[1]]
      # Not the first patients by name.
      rows = generator.permutation(rows)
    chosen.append(rows[:per_class])
  return np.sort(np.concatenate(chosen))


def energy(
  examples: input_pipeline.Examples,
  *,
  network: resnet_v2.ResNetV2,
  params: Mapping[str, Any],
  config: ml_collections.ConfigDict,
) -> pd.DataFrame:
  """Returns the rows of energy.csv of some slices, but for their split.

  Maps are of whole slices: in one that is cropped to the box everything is in
  the box.

  Args:
    examples: the slices.
    network: what the parameters are of.
    params: parameter tree.
    config: the field `data` of a config.
  """
  whole = ml_collections.ConfigDict(config)
  if examples.preparation is None:
    whole.box = 'none'
  boxes = [_box(examples, i, config) for i in range(len(examples))]
  predicted, inside = [], []
  dataset = input_pipeline.evaluation_batches(examples, whole, batch=_BATCH)
  for batch in input_pipeline.as_numpy(dataset):
    kept = batch['mask']
    images = normalize.to_model_range(batch['image'])
    logits, maps = gradcam.logits_and_maps(network, params, images)
    predicted.append(np.asarray(logits).argmax(axis=1)[kept])
    batch_boxes = np.array([boxes[i] for i in batch['index']])
    shares = gradcam.energy_inside(np.asarray(maps), batch_boxes)
    inside.append(shares[kept])
  names = np.array(examples.class_names)
  boxes = np.array(boxes)
  area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) / config.crop**2
  has_box = area > 0
  kind = 'automatic' if config.box == 'automatic' else 'annotated'
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
  network: resnet_v2.ResNetV2,
  params: Mapping[str, Any],
  config: ml_collections.ConfigDict,
) -> pd.DataFrame:
  """Returns the rows of randomization.csv of some slices, but for their split.

  Args:
    examples: the slices.
    predicted: `[N]`, of which class the maps are.
    network: what the parameters are of.
    params: parameter tree.
    config: the field `data` of a config.
  """
  dataset = input_pipeline.evaluation_batches(
    examples, config, batch=len(examples)
  )
  (batch,) = input_pipeline.as_numpy(dataset)
  images = normalize.to_model_range(batch['image'])
  names = np.array(examples.class_names)
  parts = []
  for seed in range(SEEDS):
    found = gradcam.cascading_randomization(
      network, params, images, predicted, seed=seed
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
  config: ml_collections.ConfigDict,
) -> tuple[int, int, int, int]:
  """Returns the box of a slice in the pixels of its map; zeros: it has none.

  The automatic box where the config asks for that, else the annotated one. Of a
  slice that is stored cropped there is nothing outside of its box.
  """
  if examples.preparation is not None:
    return 0, 0, 0, 0
  xmin, ymin, xmax, ymax = examples.box[index].tolist()
  if config.box != 'automatic' and not (xmax and ymax):
    return 0, 0, 0, 0
  with Image.open(io.BytesIO(examples.read(index))) as image:
    width, height = image.size
    if config.box == 'automatic':
      gray = np.asarray(image.convert('L'))
      xmin, ymin, xmax, ymax = body_crop.body_box(gray).tolist()
  # Every pixel that the box touches, as none is in it in part.
  side = config.crop
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
