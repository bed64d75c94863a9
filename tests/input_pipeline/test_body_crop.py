# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tests for input_pipeline.body_crop.

A bright rectangle on black is known beforehand: the blur spreads its edge over
two pixels to either side, Otsu's threshold lies between the values just outside
(0.3125 of the rectangle's) and just inside (0.6875), so the foreground is the
rectangle, and erosion takes 3 pixels from each side, but none at the border.
"""

import csv

import cv2
import numpy as np
import pytest
from scipy import ndimage

from input_pipeline import body_crop


def _image(*rectangles, width=128, height=96):
  """Draws rectangles xmin, ymin, xmax, ymax and gray value on black."""
  image = np.zeros((height, width), np.uint8)
  for xmin, ymin, xmax, ymax, value in rectangles:
    image[ymin:ymax, xmin:xmax] = value
  return image


def _box(image):
  box = body_crop.body_box(image)
  assert box.dtype == np.int32
  return tuple(box.tolist())


@pytest.mark.parametrize(
  ('body', 'expected'),
  [
    ((20, 10, 70, 60), (23, 13, 67, 57)),
    ((0, 10, 70, 60), (0, 13, 67, 57)),
    ((20, 0, 70, 60), (23, 0, 67, 57)),
    ((20, 10, 128, 60), (23, 13, 128, 57)),
    ((20, 10, 70, 96), (23, 13, 67, 96)),
    ((0, 10, 128, 60), (0, 13, 128, 57)),
    ((20, 0, 70, 96), (23, 0, 67, 96)),
    ((0, 0, 70, 60), (0, 0, 67, 57)),
    ((0, 0, 128, 96), (0, 0, 128, 96)),
  ],
)
def test_the_box_is_that_of_the_body(body, expected):
  assert _box(_image((*body, 200))) == expected


@pytest.mark.parametrize('value', [0, 1, 128, 255])
def test_a_uniform_slice_is_kept_whole(value):
  assert _box(np.full((60, 90), value, np.uint8)) == (0, 0, 90, 60)


@pytest.mark.parametrize(
  'speck',
  [(60, 40, 61, 41, 255), (60, 40, 66, 46, 255), (0, 0, 2, 2, 255)],
)
def test_a_slice_with_but_a_speck_is_kept_whole(speck):
  # Erosion takes all of it.
  assert _box(_image(speck)) == (0, 0, 128, 96)


@pytest.mark.parametrize('other_side', [8, 100])
def test_what_is_smaller_than_a_body_is_kept_whole(other_side):
  # A side of 6 pixels is left after erosion, a body has 512 / 32 = 16.
  for shape in ((12, other_side), (other_side, 12)):
    image = _image(
      (100, 100, 100 + shape[0], 100 + shape[1], 255), width=512, height=512
    )
    assert _box(image) == (0, 0, 512, 512)


def test_the_smallest_box_of_covidx_ct_is_a_body():
  # 32 x 25 pixels in CT-1.
  image = _image((100, 100, 138, 131, 255), width=512, height=512)
  assert _box(image) == (103, 103, 135, 128)


def test_a_speck_beside_the_body_is_left_out():
  body, speck = (20, 10, 70, 60, 200), (100, 80, 112, 92, 255)
  assert _box(_image(body, speck)) == (23, 13, 67, 57)


def test_the_edge_of_the_table_is_left_out():
  body, table = (20, 10, 70, 60, 200), (0, 75, 128, 80, 200)
  assert _box(_image(body, table)) == (23, 13, 67, 57)


def test_of_two_bodies_the_larger_is_taken():
  small, large = (2, 10, 32, 60, 200), (50, 10, 120, 60, 200)
  assert _box(_image(small, large)) == (53, 13, 117, 57)


def test_the_larger_body_is_not_that_of_the_longer_outline():
  image = _image((50, 10, 120, 60, 200))
  y, x = np.ogrid[:96, :128]
  image[(y - 70) ** 2 + (x - 22) ** 2 < 20**2] = 200
  assert _box(image) == (53, 13, 117, 57)


def test_lungs_in_the_body_do_not_matter():
  lungs = ((35, 30, 55, 60, 5), (70, 30, 95, 60, 5))
  image = _image((20, 10, 110, 80, 200), *lungs)
  assert _box(image) == (23, 13, 107, 77)


def _reference_box(image):
  """Does the same with NumPy and SciPy."""
  kernel = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1])
  blurred = ndimage.correlate(image.astype(int), kernel, mode='mirror')
  blurred = (blurred + 128) // 256
  visible = np.sort(blurred[blurred > 0])
  below = np.arange(1, len(visible))
  sums = np.cumsum(visible)
  # Otsu: between which two values the classes' means are farthest apart.
  means = sums[:-1] / below - (sums[-1] - sums[:-1]) / (len(visible) - below)
  spread = below * (len(visible) - below) * means**2
  spread[visible[1:] == visible[:-1]] = 0
  foreground = blurred > visible[np.argmax(spread)]
  foreground = ndimage.minimum_filter(foreground, 7, mode='nearest')
  parts, _ = ndimage.label(foreground, np.ones((3, 3)))
  largest = np.argmax(np.bincount(parts.ravel())[1:])
  rows, columns = ndimage.find_objects(parts)[largest]
  return columns.start, rows.start, columns.stop, rows.stop


@pytest.mark.parametrize('seed', range(20))
def test_boxes_of_blurry_bodies_are_those_of_another_implementation(seed):
  generator = np.random.default_rng(seed)
  texture = generator.normal(size=(96, 128))
  texture = ndimage.gaussian_filter(texture, 2) * 4
  y, x = np.ogrid[:96, :128]
  top, left = generator.uniform((35, 45), (60, 80))
  shade = 2 - ((y - top) / 40) ** 2 - ((x - left) / 55) ** 2
  image = np.clip(90 * (shade + 0.8 * texture), 0, 255).astype(np.uint8)
  assert _box(image) == _reference_box(image)


def test_a_slice_of_1024_pixels():
  image = _image((0, 300, 900, 915, 180), width=1024, height=1024)
  assert _box(image) == (0, 303, 897, 912)


def test_the_image_is_not_changed():
  image = _image((20, 10, 70, 60, 200))
  before = image.copy()
  body_crop.body_box(image)
  np.testing.assert_array_equal(image, before)


def test_real_slices_have_the_official_box(real_data):
  sample = real_data / 'covidx_ct_sample'
  with (sample / 'manifest.csv').open(newline='') as file:
    rows = list(csv.DictReader(file))
  assert len(rows) == 544
  for row in rows:
    path = sample / '3A_images' / row['file']
    image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    official = tuple(int(row[k]) for k in ('xmin', 'ymin', 'xmax', 'ymax'))
    assert _box(image) == official, row['file']
