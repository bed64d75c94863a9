# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The slices of an export's example are those of the input pipeline."""

import numpy as np
from PIL import Image
import pytest

from bit_covid.export import prepare_slice
from input_pipeline import preprocess


@pytest.mark.parametrize('antialias', [False, True])
@pytest.mark.parametrize('size', [32, 45, 224, 480])
@pytest.mark.parametrize('shape', [(37, 83), (300, 211), (512, 512)])
def test_resize_is_that_of_the_pipeline(shape, size, antialias):
  image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
  expected = preprocess.resize(image, size, antialias=antialias)
  actual = prepare_slice.resize(image, size, antialias=antialias)
  difference = np.abs(actual.astype(int) - expected.astype(int))
  # One gray value where a sum lies between two of them; without antialiasing
  # the sums are the same ones.
  assert difference.max() <= (1 if antialias else 0)
  assert np.mean(difference > 0) < 0.01


@pytest.mark.parametrize('box', ['automatic', 'annotated', 'none'])
def test_real_slices_are_those_of_the_pipeline(real_data, box):
  folder = real_data / 'covidx_ct_sample' / '3A_images'
  paths = sorted(folder.iterdir())[::60]
  settings = {'box': box, 'crop': 224, 'antialias': False}
  boxes = [(10, 20, 400, 300)] * len(paths) if box == 'annotated' else None
  actual = prepare_slice.prepare(paths, settings, boxes=boxes)
  assert actual.shape == (len(paths), 224, 224, 1)
  for path, image in zip(paths, actual, strict=True):
    cropped = preprocess.crop_to_box(
      preprocess.decode(path.read_bytes()),
      np.array((10, 20, 400, 300)),
      mode=box,
    )
    expected = preprocess.resize(cropped, 224, antialias=False)
    np.testing.assert_array_equal(image[..., 0], expected)


def test_jpegs_in_colour_become_their_luma(real_data):
  paths = sorted((real_data / 'volume_jpg').rglob('*.jpg'))[:3]
  assert paths
  for path in paths:
    expected = preprocess.decode(path.read_bytes())
    difference = prepare_slice.read(path).astype(int) - expected
    # Equal with today's builds of libjpeg.
    assert np.abs(difference).max() <= 2


def test_what_is_not_8_bit_gray_is_refused(tmp_path):
  path = tmp_path / 'a.png'
  Image.fromarray(np.zeros((8, 8), np.uint16)).save(path)
  with pytest.raises(ValueError, match=r'a\.png is of the mode I;16'):
    prepare_slice.read(path)
  Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(path)
  with pytest.raises(ValueError, match='mode RGB; expected 8-bit gray'):
    prepare_slice.read(path)
  with pytest.raises(ValueError, match='No image files'):
    prepare_slice.prepare([], {})
