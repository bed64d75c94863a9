# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Changes of training slices against NumPy and SciPy in float64."""

import numpy as np
import pytest
from scipy import ndimage
import tensorflow as tf

from configs import common
from input_pipeline import augmentation
from input_pipeline import batches
from input_pipeline import order_and_augmentation

_ALL = {'rotation': 20.0, 'contrast': 0.4, 'brightness': 0.2, 'erase': 0.5}


def _draws(**values):
  """Returns draws that change nothing, but for those that are given."""
  names = ('rotation', 'contrast', 'brightness', 'covers', 'height', 'width',
           'top', 'left', 'gray')  # fmt: skip
  neutral = dict.fromkeys(names, 0.5)
  return np.array([*(neutral | values).values()], np.float32)


@pytest.fixture(scope='module')
def smooth(noise):
  """A slice of 48 x 48 pixels in which neighbours resemble each other."""
  blurred = ndimage.gaussian_filter(noise(48, 48).astype(float), 3, mode='wrap')
  span = np.ptp(blurred)
  return np.rint(255 * (blurred - blurred.min()) / span).astype(np.uint8)


@pytest.mark.parametrize('draw', [0.0, 0.2, 0.5, 0.75, 0.999])
def test_a_rotation_is_about_the_center_and_mirrors_at_the_border(smooth, draw):
  settings = augmentation.Augmentation(rotation=30.0)
  turned = augmentation.before_crop(smooth, _draws(rotation=draw), settings)
  angle = np.deg2rad(30 * (2 * draw - 1))
  row, column = np.mgrid[:48, :48] - 23.5
  # Counterclockwise, with rows that run downwards.
  source = (
    np.cos(angle) * row + np.sin(angle) * column + 23.5,
    -np.sin(angle) * row + np.cos(angle) * column + 23.5,
  )
  expected = ndimage.map_coordinates(
    smooth.astype(float), source, order=1, mode='mirror'
  )
  assert turned.dtype == np.uint8
  # OpenCV rounds positions to 1/32 of a pixel.
  steepest = max(
    np.abs(np.diff(smooth.astype(int), axis=x)).max() for x in (0, 1)
  )
  assert np.abs(turned - expected).max() <= 1 + 2 * steepest / 32


@pytest.mark.parametrize('contrast', [0.0, 0.6])
@pytest.mark.parametrize('brightness', [0.0, 0.25])
@pytest.mark.parametrize('draw', [0.0, 0.3, 0.999])
def test_contrast_and_brightness_are_another_window(
  noise, contrast, brightness, draw
):
  image = noise(20, 30)
  settings = augmentation.Augmentation(contrast=contrast, brightness=brightness)
  draws = _draws(contrast=draw, brightness=1 - draw, covers=0.0)
  found = augmentation.after_crop(image, draws, settings)
  # A window from -1350 to 150 HU, and what another one makes of its values.
  hounsfield = -1350 + image / 255 * 1500
  sharpness = 1 + contrast * (2 * np.float64(draw) - 1)
  shift = brightness * (2 * np.float64(1 - draw) - 1)
  width = 1500 / sharpness
  center = -600 - shift * width
  expected = 255 * ((hounsfield - center) / width + 0.5)
  assert np.abs(found - np.clip(expected, 0, 255)).max() <= 0.5 + 1e-3
  if not contrast and not brightness:
    np.testing.assert_array_equal(found, image)


def test_a_rectangle_of_one_gray_value_covers_a_part(noise):
  image = noise(20, 40)
  before = image.copy()
  settings = augmentation.Augmentation(erase=0.5)
  draws = _draws(
    covers=0.49, height=0.8, width=0.5, top=0.25, left=0.999, gray=0.3
  )
  found = augmentation.after_crop(image, draws, settings)
  expected = image.copy()
  # 8 of 20 rows from one in a quarter of the 13 places; 10 of 40 columns, last.
  expected[3:11, 30:40] = 76
  np.testing.assert_array_equal(found, expected)
  np.testing.assert_array_equal(image, before)
  untouched = augmentation.after_crop(image, _draws(covers=0.5), settings)
  np.testing.assert_array_equal(untouched, image)


def test_what_is_off_draws_nothing_and_is_what_configs_have(noise):
  settings = augmentation.Augmentation.from_config(common.get_config().data)
  assert settings == augmentation.NONE
  assert settings.num_draws == 0
  image, none = noise(9, 9), np.zeros(0, np.float32)
  assert augmentation.before_crop(image, none, settings) is image
  assert augmentation.after_crop(image, none, settings) is image


def test_draws_are_even_and_tell_nothing_of_crop_and_flip():
  def plan(position):
    seed = order_and_augmentation.example_seed(position, seed=3)
    crop = order_and_augmentation.draw_crop_and_flip(seed, size=99, crop=9)
    return order_and_augmentation.draw_changes(seed, num_draws=9), crop

  dataset = tf.data.Dataset.range(800).map(plan)
  draws, crops = zip(*dataset.as_numpy_iterator(), strict=True)
  table = np.column_stack([draws, crops])
  assert np.min(draws) >= 0
  assert np.max(draws) < 1
  # Five standard deviations of a mean and of a correlation.
  np.testing.assert_allclose(np.mean(draws, axis=0), 0.5, atol=5 * 0.289 / 28.3)
  correlation = np.corrcoef(table.T) - np.eye(table.shape[1])
  assert np.abs(correlation).max() < 5 / 28.3


def _stream(examples, config, **kwargs):
  kwargs = {'batch': 4, 'seed': 0, 'first_step': 0, 'end_step': 4} | kwargs
  dataset = batches.train_batches(examples, config, **kwargs)
  return np.stack([x['image'] for x in batches.as_numpy(dataset)])


def test_a_stream_is_changed_by_its_seed_and_resumes(
  make_examples, noise, data_config
):
  examples = make_examples([noise(20, 20, seed=x) for x in range(6)])
  config = data_config(resize=20, crop=16, **_ALL)
  changed = _stream(examples, config)
  np.testing.assert_array_equal(changed, _stream(examples, config))
  resumed = _stream(examples, config, first_step=2)
  np.testing.assert_array_equal(changed[2:], resumed)
  hosts = [
    _stream(examples, config, num_hosts=2, host=host) for host in range(2)
  ]
  np.testing.assert_array_equal(changed, np.concatenate(hosts, axis=1))
  assert (changed != _stream(examples, config, seed=1)).any()
  # Each kind of change alone is seen in the stream.
  plain = _stream(examples, data_config(resize=20, crop=16))
  for name, value in _ALL.items():
    alone = data_config(resize=20, crop=16, **{name: value})
    assert (_stream(examples, alone) != plain).any(), name
  for_evaluation = [
    np.concatenate(
      [
        x['image']
        for x in batches.as_numpy(
          batches.evaluation_batches(examples, each, batch=4)
        )
      ]
    )
    for each in (config, data_config(resize=20, crop=16))
  ]
  np.testing.assert_array_equal(*for_evaluation)
