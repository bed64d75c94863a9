# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Measures how far the Grad-CAM maps of a run can be trusted.

Writes two tables, `<workdir>/gradcam/energy.csv` and `randomization.csv`, which
the report reads with `analysis.map_evidence`.
"""

from collections.abc import Sequence
import io
import math

from etils import epath
import ml_collections
import numpy as np
import pandas as pd
from PIL import Image
import tqdm

from bit_covid.analysis import map_evidence
from bit_covid.analysis import predictions
from bit_covid.models import cascading_randomization
from bit_covid.models import gradcam
from bit_covid.models import normalize
from bit_covid.models import resnet_v2
from bit_covid.training import map_panels
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


def write(workdir: epath.Path, evaluated: map_panels.EvaluatedSplit) -> None:
  """Writes both tables of a split."""
  examples, seed = evaluated.examples, evaluated.config.seed
  share = 3 if resnet_v2.parameter_count(evaluated.params) > _LARGE else 1
  per_class = max(1, _SLICES // share // len(examples.class_names))
  folder = workdir / 'gradcam'
  folder.mkdir(exist_ok=True)
  rows = choose(examples.label, per_class=per_class, seed=seed)
  found = energy(evaluated.take(rows))
  _write(folder / 'energy.csv', found, map_evidence.ENERGY_COLUMNS)
  rows = choose(
    examples.label,
    patient_id=examples.patient_id,
    per_class=_RANDOMIZED // share,
    seed=seed,
  )
  found = randomization(evaluated.take(rows))
  _write(
    folder / 'randomization.csv', found, map_evidence.RANDOMIZATION_COLUMNS
  )


def choose(
  label: np.ndarray,
  *,
  per_class: int,
  seed: int,
  patient_id: np.ndarray | None = None,
) -> np.ndarray:
  """Returns the sorted rows of `per_class` slices of each class, at random.

  Slices with a negative label are not chosen, and, if `patient_id` is given, at
  most one slice of a patient and class.
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


def energy(evaluated: map_panels.EvaluatedSplit) -> pd.DataFrame:
  """Returns energy.csv of the slices of a split.

  The maps are of whole slices, because a slice that is cropped to its box has
  nothing outside the box.
  """
  examples, data = evaluated.examples, evaluated.config.data
  boxes = np.array([_box(examples, i, data) for i in range(len(examples))])
  predicted, inside = _energy_inside(evaluated, boxes)
  names = np.array(examples.class_names)
  area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) / data.crop**2
  has_box = area > 0
  kind = 'automatic' if data.box == 'automatic' else 'annotated'
  return pd.DataFrame(
    {
      'split': evaluated.name,
      'slice_id': examples.slice_id,
      'patient_id': examples.patient_id,
      'class': names[examples.label],
      'predicted': names[predicted],
      'box': np.where(has_box, kind, ''),
      'inside': np.where(has_box, inside, np.nan),
      'area': np.where(has_box, area, np.nan),
    }
  )


def _energy_inside(
  evaluated: map_panels.EvaluatedSplit, boxes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
  """Returns predicted classes, and shares of the maps' energy in the boxes."""
  whole = ml_collections.ConfigDict(evaluated.config.data)
  if evaluated.examples.preparation is None:
    whole.box = 'none'
  dataset = input_pipeline.evaluation_batches(
    evaluated.examples, whole, batch=_BATCH
  )
  predicted, inside = [], []
  steps = tqdm.tqdm(
    input_pipeline.as_numpy(dataset),
    desc='Maps',
    total=math.ceil(len(evaluated.examples) / _BATCH),
    unit='step',
    disable=None,
  )
  for batch in steps:
    kept = batch['mask']
    images = normalize.to_model_range(batch['image'])
    logits, maps = gradcam.logits_and_maps(
      evaluated.model, evaluated.params, images
    )
    predicted.append(np.asarray(logits).argmax(axis=1)[kept])
    shares = gradcam.energy_inside(np.asarray(maps), boxes[batch['index']])
    inside.append(shares[kept])
  return np.concatenate(predicted), np.concatenate(inside)


def randomization(evaluated: map_panels.EvaluatedSplit) -> pd.DataFrame:
  """Returns randomization.csv of the slices of a split."""
  examples = evaluated.examples
  images = normalize.to_model_range(evaluated.images())
  predicted = predictions.probabilities(evaluated.table).argmax(axis=1)
  names = np.array(examples.class_names)
  slices = pd.DataFrame(
    {
      'split': evaluated.name,
      'slice_id': examples.slice_id,
      'class': names[examples.label],
      'predicted': names[predicted],
    }
  )
  parts = []
  bar = {'desc': 'Maps of random networks', 'unit': 'network', 'disable': None}
  for seed in tqdm.trange(SEEDS, **bar):
    found = cascading_randomization.similarity(
      evaluated.model, evaluated.params, images, predicted, seed=seed
    )
    for stage, similarity in found.items():
      parts.append(slices.assign(seed=seed, stage=stage, similarity=similarity))
  return pd.concat(parts, ignore_index=True)


def _box(
  examples: input_pipeline.Examples,
  index: int,
  data_config: ml_collections.ConfigDict,
) -> tuple[int, int, int, int]:
  """Returns xmin, ymin, xmax, ymax in pixels of the map; zeros for no box."""
  if examples.preparation is not None:
    # The slice is stored cropped: nothing is outside the box.
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
  path: epath.Path, table: pd.DataFrame, columns: Sequence[str]
) -> None:
  predictions.write(table[list(columns)], path)
