# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tests for input_pipeline.textures.drawing and its pens."""

import hashlib
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from sklearn import ensemble

from input_pipeline.textures import canvas
from input_pipeline.textures import classes
from input_pipeline.textures import drawing
from input_pipeline.textures import shapes

_ALL = (*classes.MANY, *classes.SINGLE)
_BY_NAME = {texture.name: texture for texture in _ALL}


def _draw(texture, number=0, *, seed=0, split='train', size=32):
  return drawing.draw(texture, seed=seed, split=split, number=number, size=size)


def test_names_are_unique_and_few_are_among_many():
  assert len(_BY_NAME) == len(_ALL) == 164 + 10
  assert len(classes.FEW) == 12
  assert set(classes.FEW) < set(classes.MANY)


@pytest.mark.parametrize('texture', _ALL, ids=lambda texture: texture.name)
def test_every_class_has_contrast_and_variety(texture):
  first, second = _draw(texture, 0), _draw(texture, 1)
  for image in (first, second):
    assert (image.dtype, image.shape) == (np.uint8, (32, 32))
    assert image.std() > 5
    assert 40 < image.mean() < 215
  assert np.mean(first != second) > 0.5


def test_an_image_depends_on_its_name_and_on_nothing_drawn_before():
  texture = _BY_NAME['bricks-coarse-bent']
  expected = _draw(texture, 3)
  _draw(_BY_NAME['stars-large-dark'], 5, size=48)
  np.testing.assert_array_equal(_draw(texture, 3), expected)


def test_another_process_draws_the_same():
  # With another hash seed: the order of sets must not come into it.
  code = (
    'import hashlib\n'
    'from input_pipeline.textures import classes, drawing\n'
    'digest = hashlib.sha256()\n'
    'for texture in (*classes.FEW, *classes.SINGLE):\n'
    '  digest.update(texture.name.encode() + drawing.draw(texture, seed=0, '
    "split='val', number=1, size=32).tobytes())\n"
    'print(digest.hexdigest())'
  )
  result = subprocess.run(
    [sys.executable, '-c', code],
    cwd=pathlib.Path(__file__).parents[3],
    env=os.environ | {'PYTHONHASHSEED': '7'},
    capture_output=True,
    text=True,
    check=True,
  )
  digest = hashlib.sha256()
  for texture in (*classes.FEW, *classes.SINGLE):
    image = _draw(texture, 1, split='val')
    digest.update(texture.name.encode() + image.tobytes())
  assert result.stdout.strip() == digest.hexdigest()


@pytest.mark.parametrize(
  'other', [{'seed': 1}, {'split': 'test'}, {'number': 1}]
)
def test_each_part_of_the_name_changes_the_image(other):
  texture = classes.MANY[0]
  assert not np.array_equal(_draw(texture), _draw(texture, **other))


@pytest.mark.parametrize('shape', shapes.SHAPES)
def test_shapes_lie_within_the_unit_circle_and_fill_a_part_of_it(shape):
  axis = np.linspace(-2, 2, 161, dtype=np.float32)
  x, y = np.meshgrid(axis, axis)
  inside = shapes.SHAPES[shape](x, y) < 0
  assert not (inside & (np.hypot(x, y) > 1.05)).any()
  assert 0.1 < inside.sum() / (np.hypot(x, y) < 1).sum() <= 1


def test_noise_has_waves_of_the_lengths_asked_for():
  rng = np.random.default_rng(0)
  noise = canvas.noise(rng, 64, finest=8, coarsest=16)
  assert abs(noise.mean()) < 1e-5
  assert abs(noise.std() - 1) < 1e-3
  power = np.abs(np.fft.rfft2(noise)) ** 2
  frequency = np.hypot(*np.meshgrid(np.fft.rfftfreq(64), np.fft.fftfreq(64)))
  within = (frequency > 1 / 20) & (frequency < 1 / 6)
  assert power[within].sum() > 0.9 * power.sum()


def _spectrum(image):
  """Returns power by frequency and the skewness: what tells textures apart."""
  values = canvas.standardized(image.astype(np.float32))
  power = np.abs(np.fft.rfft2(values)) ** 2
  frequency = np.hypot(
    *np.meshgrid(np.fft.rfftfreq(len(image)), np.fft.fftfreq(len(image)))
  )
  rings = (frequency * 32).astype(int).ravel()
  by_ring = np.bincount(rings, power.ravel()) / np.bincount(rings)
  share = np.sort(power.ravel())[-20:] / power.sum()
  return [*np.log(by_ring + 1e-6), *np.log(share), (values**3).mean()]


def _score(describe):
  """Returns the test accuracy of a forest on what `describe` sees."""
  table = {
    split: [
      (describe(_draw(texture, number, split=split, size=64)), label)
      for label, texture in enumerate(classes.FEW)
      for number in range(count)
    ]
    for split, count in (('train', 25), ('test', 10))
  }
  forest = ensemble.RandomForestClassifier(100, random_state=0)
  forest.fit(*zip(*table['train'], strict=True))
  return forest.score(*zip(*table['test'], strict=True))


def test_classes_differ_in_texture_and_not_in_brightness_or_contrast():
  # Chance is 1 / 12.
  assert _score(_spectrum) > 0.4
  assert _score(lambda image: [image.mean(), image.std()]) < 0.2
