# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tests for input_pipeline.textures.textures_dataset_builder."""

import io

import numpy as np
from PIL import Image
import pytest

from input_pipeline import data_source
from input_pipeline import tfds_examples
from input_pipeline.textures import classes
from input_pipeline.textures import drawing
from input_pipeline.textures import textures_dataset_builder

_IMAGES = {'train': 4, 'val': 1, 'test': 2}


@pytest.fixture(scope='module')
def splits(tfds_dir):
  source = data_source.DataSource('textures/tiny', data_dir=tfds_dir)
  return {split: tfds_examples.load(source, split) for split in _IMAGES}


def test_sets_have_the_proportions_of_the_papers():
  configs = textures_dataset_builder.Builder.builder_configs
  assert list(configs) == ['s', 'm', 'c', 'tiny']
  count = {
    name: len(config.textures) * config.images['train']
    for name, config in configs.items()
  }
  assert count == {'s': 1800, 'm': 18_040, 'c': 1000, 'tiny': 48}
  assert not set(configs['c'].textures) & set(configs['m'].textures)


@pytest.mark.parametrize('split', _IMAGES)
def test_examples_come_class_by_class_without_a_box(splits, split):
  examples, count = splits[split], _IMAGES[split]
  names = tuple(texture.name for texture in classes.FEW)
  assert examples.class_names == names
  assert examples.window is None
  np.testing.assert_array_equal(examples.label, np.repeat(range(12), count))
  assert not examples.box.any()
  assert set(examples.source) == {'textures'}
  assert examples.slice_id.tolist() == [
    f'textures-{split}-{name}-{number:03d}.png'
    for name in names
    for number in range(count)
  ]


def test_images_are_unique_and_each_is_a_patient_of_its_own(splits):
  for column in ('digest', 'patient_id', 'slice_id'):
    values = [x for split in splits.values() for x in getattr(split, column)]
    assert len(set(values)) == len(values) == 12 * 7


def test_png_holds_the_pixels_that_were_drawn(splits):
  examples = splits['test']
  index = examples.slice_id.tolist().index(
    'textures-test-discs-small-bright-001.png'
  )
  texture = next(t for t in classes.FEW if t.name == 'discs-small-bright')
  drawn = drawing.draw(texture, seed=0, split='test', number=1, size=32)
  with Image.open(io.BytesIO(examples.read(index))) as png:
    assert (png.format, png.mode) == ('PNG', 'L')
    np.testing.assert_array_equal(np.asarray(png), drawn)


def test_other_splits_are_an_error():
  with pytest.raises(ValueError, match=r"splits \['dev', 'train'\]"):
    textures_dataset_builder.TexturesConfig(
      name='x', size=8, textures=(), images={'train': 1, 'dev': 1}
    )
