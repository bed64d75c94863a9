# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The tables of evidence against maps and boxes that are known."""

import io

import cv2
from etils import epath
import ml_collections
import numpy as np
import pandas as pd
from PIL import Image
import pytest

from bit_covid.analysis import map_evidence
from bit_covid.analysis import predictions
from bit_covid.models import cascading_randomization
from bit_covid.models import gradcam
from bit_covid.models import resnet_v2
from bit_covid.training import map_evidence as map_evidence_lib
from bit_covid.training import map_panels
import input_pipeline
from input_pipeline import body_crop

NAMES = ('Normal', 'CP', 'NCP')
# Twenty slices, two a patient; the last of NCP without a box.
LABELS = np.repeat([0, 1, 2], (8, 6, 6)).astype(np.int32)
WIDTH, HEIGHT = 96, 128


@pytest.fixture(scope='module')
def images():
  """A bright body on black, with noise; wider than its box is nothing."""
  generator = np.random.default_rng(0)
  images = generator.integers(0, 20, (20, HEIGHT, WIDTH), np.uint8)
  images[:, 32:112, 12:84] += generator.integers(
    120, 200, (20, 80, 72), np.uint8
  )
  return images


@pytest.fixture(scope='module')
def examples(images):
  def read(i):
    buffer = io.BytesIO()
    Image.fromarray(images[i]).save(buffer, 'PNG')
    return buffer.getvalue()

  boxes = np.tile(np.array([13, 33, 84, 112], np.int32), (20, 1))
  boxes[-1] = 0
  names = np.array([f's{i}' for i in range(20)])
  return input_pipeline.Examples(
    class_names=NAMES,
    slice_id=names,
    patient_id=np.array([f'p{i // 2}' for i in range(20)]),
    source=names,
    label=LABELS,
    box=boxes,
    digest=names,
    read=read,
  )


@pytest.fixture
def config():
  return ml_collections.ConfigDict(
    {
      'seed': 0,
      'data': {'box': 'none', 'crop': 64, 'antialias': False},
    }
  )


@pytest.fixture(scope='module')
def model():
  return resnet_v2.create('tiny', num_classes=3)


@pytest.fixture
def table(examples):
  """Predictions of the class that follows the true one."""
  return predictions.make_table(
    slice_id=examples.slice_id,
    patient_id=examples.patient_id,
    source=examples.source,
    label=LABELS,
    probabilities=np.eye(3)[(LABELS + 1) % 3],
    class_names=NAMES,
  )


@pytest.fixture
def evaluated(examples, table, model, random_params, config):
  return map_panels.EvaluatedSplit(
    'test', examples, table, model, random_params('tiny'), config
  )


def test_chosen_slices_are_of_each_class_and_repeat():
  rows = map_evidence_lib.choose(LABELS, per_class=4, seed=1)
  assert np.bincount(LABELS[rows]).tolist() == [4, 4, 4]
  assert (np.diff(rows) > 0).all()
  same = map_evidence_lib.choose(LABELS, per_class=4, seed=1)
  np.testing.assert_array_equal(rows, same)
  other = map_evidence_lib.choose(LABELS, per_class=4, seed=2)
  assert rows.tolist() != other.tolist()
  every = map_evidence_lib.choose(LABELS, per_class=7, seed=1)
  assert np.bincount(LABELS[every]).tolist() == [7, 6, 6]


def test_chosen_slices_are_of_different_patients():
  patient = np.arange(20) // 2
  seen = set()
  for seed in range(20):
    rows = map_evidence_lib.choose(
      LABELS, per_class=3, seed=seed, patient_id=patient.astype(str)
    )
    assert np.bincount(LABELS[rows]).tolist() == [3, 3, 3]
    assert len(set(patient[rows])) == 9
    seen |= set(rows.tolist())
  assert seen == set(range(20))


def test_unlabelled_slices_are_not_chosen():
  label = np.array([-1, 0, -1, 1])
  rows = map_evidence_lib.choose(label, per_class=9, seed=0)
  assert rows.tolist() == [1, 3]


def test_energy_is_that_of_the_whole_slice(evaluated, examples, images, config):
  config.data.crop = 96
  (batch,) = input_pipeline.as_numpy(
    input_pipeline.evaluation_batches(examples, config.data, batch=20)
  )
  whole = np.stack([cv2.resize(x, (96, 96)) for x in images])
  np.testing.assert_allclose(batch['image'][..., 0], whole, atol=1)
  pixels = (batch['image'].astype(np.float32) - 127.5) / 127.5
  logits, maps = gradcam.logits_and_maps(
    evaluated.model, evaluated.params, pixels
  )
  # What the network was trained on changes nothing but where boxes are from.
  config.data.box = 'annotated'
  table = map_evidence_lib.energy(evaluated)
  # Of 96 x 128 pixels at 96 x 96: 33 * 3 / 4 = 24.75, 112 * 3 / 4 = 84.
  maps = np.asarray(maps, np.float64)
  inside, total = (x.sum(axis=(1, 2)) for x in (maps[:, 24:84, 13:84], maps))
  # A map of a random head is zero everywhere now and then.
  expected = inside / np.where(total > 0, total, np.nan)
  assert np.isfinite(expected[:19]).sum() > 5
  np.testing.assert_allclose(table['inside'][:19], expected[:19], atol=1e-4)
  np.testing.assert_allclose(table['area'][:19], 60 * 71 / 96**2)
  predicted = [NAMES[i] for i in np.asarray(logits).argmax(axis=1)]
  assert table['predicted'].to_list() == predicted
  assert table['class'].to_list() == [NAMES[i] for i in LABELS]
  # The last one has no box.
  assert table['box'].to_list() == ['annotated'] * 19 + ['']
  assert table[['inside', 'area']][19:].isna().all(axis=None)


def test_uniform_maps_have_the_share_of_the_area(monkeypatch, evaluated):
  def uniform(model, params, images):
    return np.zeros((len(images), 3)), np.ones(images.shape[:3])

  monkeypatch.setattr(gradcam, 'logits_and_maps', uniform)
  table = map_evidence_lib.energy(evaluated)
  pd.testing.assert_series_equal(
    table['inside'], table['area'], check_names=False
  )


def test_automatic_boxes_are_found_in_the_whole_slice(
  evaluated, images, config
):
  config.data.box = 'automatic'
  table = map_evidence_lib.energy(evaluated)
  assert set(table['box']) == {'automatic'}
  for image, area in zip(images, table['area'], strict=True):
    xmin, ymin, xmax, ymax = body_crop.body_box(image)
    side_x = np.ceil(xmax * 64 / WIDTH) - np.floor(xmin * 64 / WIDTH)
    side_y = np.ceil(ymax * 64 / HEIGHT) - np.floor(ymin * 64 / HEIGHT)
    assert area == side_x * side_y / 64**2
    assert 0.35 < area < 0.6


def test_files_of_a_work_directory(tmp_path, evaluated, examples, config):
  map_evidence_lib.write(epath.Path(tmp_path), evaluated)
  energy = map_evidence.read(
    tmp_path / 'gradcam' / 'energy.csv', map_evidence.ENERGY_COLUMNS, NAMES
  )
  assert energy['slice_id'].to_list() == examples.slice_id.tolist()
  assert set(energy['split']) == {'test'}
  found = map_evidence.read(
    tmp_path / 'gradcam' / 'randomization.csv',
    map_evidence.RANDOMIZATION_COLUMNS,
    NAMES,
  )
  stages = ['none', 'head', 'block4', 'block3', 'block2', 'block1', 'root']
  assert len(found) == 9 * map_evidence_lib.SEEDS * len(stages)
  assert list(dict.fromkeys(found['stage'])) == stages
  assert set(found['seed']) == set(range(map_evidence_lib.SEEDS))
  # Of the class that the run has predicted.
  after = dict(zip(NAMES, NAMES[1:] + NAMES[:1], strict=True))
  assert (found['class'].map(after) == found['predicted']).all()
  rows = [int(name[1:]) for name in dict.fromkeys(found['slice_id'])]
  (batch,) = input_pipeline.as_numpy(
    input_pipeline.evaluation_batches(examples.take(rows), config.data, batch=9)
  )
  expected = cascading_randomization.similarity(
    evaluated.model,
    evaluated.params,
    (batch['image'].astype(np.float32) - 127.5) / 127.5,
    (LABELS[rows] + 1) % 3,
    seed=3,
  )
  for stage, values in expected.items():
    got = found[(found['stage'] == stage) & (found['seed'] == 3)]
    np.testing.assert_array_equal(got['similarity'], values)


def test_large_networks_take_fewer_slices(monkeypatch, tmp_path, evaluated):
  seen = []
  monkeypatch.setattr(map_evidence_lib, '_LARGE', 10)
  monkeypatch.setattr(map_evidence_lib, '_SLICES', 27)
  for name in ('energy', 'randomization'):
    monkeypatch.setattr(
      map_evidence_lib,
      name,
      lambda part: seen.append(np.bincount(part.examples.label).tolist()),
    )
  monkeypatch.setattr(map_evidence_lib, '_write', lambda *a: None)
  map_evidence_lib.write(epath.Path(tmp_path), evaluated)
  assert seen == [[3, 3, 3], [1, 1, 1]]
