# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Which cases the panels show, and that they show them."""

import io

from etils import epath
import ml_collections
import numpy as np
from PIL import Image

from bit_covid.analysis import predictions
from bit_covid.models import resnet_v2
from bit_covid.training import map_panels
import input_pipeline

NAMES = ('Normal', 'CP', 'NCP')
# Of six patients, two slices each; nothing is CP.
LABELS = [0, 0, 0, 0, 0, 0, 2, 2, 2, 2, 2, 2]
P_NORMAL = [0.9, 0.8, 0.99, 0.7, 0.3, 0.2, 0.1, 0.2, 0.7, 0.95, 0.3, 0.05]


def _table():
  p = np.array(P_NORMAL)
  return predictions.make_table(
    slice_id=[f's{i}' for i in range(12)],
    patient_id=[f'p{i // 2}' for i in range(12)],
    source=[''] * 12,
    label=np.array(LABELS),
    probabilities=np.stack([p, 0 * p, 1 - p], axis=1),
    class_names=NAMES,
  )


def test_most_confident_cases_one_a_patient():
  assert map_panels.choose(_table()) == {
    # Correct: 2 (0.99), 0 (0.9); wrong: 5 (0.2).
    'Normal': [2, 0, 5],
    # Correct: 11 (0.05), 6 (0.1); wrong: 9 (0.95).
    'NCP': [11, 6, 9],
  }


def test_panels_are_of_the_chosen_slices(tmp_path, random_params):
  generator = np.random.default_rng(0)
  images = generator.integers(0, 256, (12, 64, 64), np.uint8)

  def read(i):
    buffer = io.BytesIO()
    Image.fromarray(images[i]).save(buffer, 'PNG')
    return buffer.getvalue()

  table = _table()
  examples = input_pipeline.Examples(
    class_names=NAMES,
    slice_id=table['slice_id'].to_numpy(str),
    patient_id=table['patient_id'].to_numpy(str),
    source=table['source'].to_numpy(str),
    label=np.array(LABELS, np.int32),
    box=np.zeros((12, 4), np.int32),
    digest=table['slice_id'].to_numpy(str),
    read=read,
  )
  config = ml_collections.ConfigDict(
    {'data': {'box': 'none', 'crop': 64, 'antialias': False}}
  )
  evaluated = map_panels.EvaluatedSplit(
    'test',
    examples,
    table,
    resnet_v2.create('tiny', num_classes=3),
    random_params('tiny'),
    config,
  )
  loaded = evaluated.take([2, 0, 5]).images()
  np.testing.assert_array_equal(loaded[..., 0], images[[2, 0, 5]])
  workdir = epath.Path(tmp_path)
  map_panels.write(workdir, evaluated)
  written = sorted(path.name for path in (workdir / 'gradcam').iterdir())
  assert written == ['NCP.png', 'NCP.txt', 'Normal.png', 'Normal.txt']
  with Image.open(tmp_path / 'gradcam' / 'NCP.png') as picture:
    # Three cases one below the other, three pictures wide.
    assert 0.8 < picture.height / picture.width < 1.4
  assert '2 x 2 positions' in (workdir / 'gradcam' / 'NCP.txt').read_text()
