# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The hulls of body and lungs, on slices where both are known."""

import csv

import cv2
import numpy as np
import pytest

from input_pipeline import hulls
from input_pipeline.phantom import drawing


def _ellipses(*, left=60, right=60):
  """Draws a body of 256 pixels with two lungs of these gray values."""
  image = np.full((256, 256), 10, np.uint8)
  cv2.ellipse(image, (128, 128), (110, 80), 0, 0, 360, 220, cv2.FILLED)
  for x, value in ((80, left), (176, right)):
    cv2.ellipse(image, (x, 128), (32, 52), 0, 0, 360, value, cv2.FILLED)
  return image


_LUNGS = _ellipses(left=0, right=0) == 0


@pytest.mark.parametrize('label', drawing.LABELS)
def test_lungs_and_lesions_of_drawn_patients_are_inside(label):
  for number in range(3):
    patient = drawing.sample_patient(
      seed=1, split='test', label=label, number=number
    )
    drawn = drawing.draw_slice(patient, 2, size=128)
    found = hulls.lungs(drawn.image)
    assert found[drawn.lungs].mean() > 0.99
    missed = drawn.lungs & drawn.lesions & ~found
    assert missed.sum() <= 0.01 * drawn.lesions.sum()
    # The chest wall is mostly outside.
    assert (found & ~drawn.body).sum() < 0.02 * found.sum()
    assert found.sum() < 0.75 * drawn.body.sum()


def test_a_lung_as_dense_as_its_surroundings_is_inside():
  assert hulls.lungs(_ellipses(left=220))[_LUNGS].mean() > 0.99


def test_the_size_of_the_image_does_not_matter():
  whole = _ellipses()
  wide = cv2.resize(whole, (512, 300), interpolation=cv2.INTER_AREA)
  found = hulls.lungs(wide).astype(np.uint8)
  assert found.shape == (300, 512)
  back = cv2.resize(found, (256, 256), interpolation=cv2.INTER_NEAREST) > 0
  assert (back == hulls.lungs(whole)).mean() > 0.99


def test_lungs_that_a_tight_crop_cuts_off_are_found():
  rows, columns = slice(78, 178), slice(50, 206)
  found = hulls.lungs(_ellipses()[rows, columns])
  assert found[_LUNGS[rows, columns]].mean() > 0.99


def test_air_in_the_table_is_no_lung():
  with_table = _ellipses()
  for y in (215, 252):
    cv2.line(with_table, (0, y), (255, y), 220, 4)
  # Closed at its ends, so that it is not connected with the air around.
  for x in (2, 253):
    cv2.line(with_table, (x, 215), (x, 252), 220, 6)
  found = hulls.lungs(with_table)
  assert (found == hulls.lungs(_ellipses())).mean() > 0.99


@pytest.mark.parametrize(
  'image',
  [
    np.zeros((60, 80), np.uint8),
    np.full((60, 80), 255, np.uint8),
    _ellipses(left=220, right=220),
  ],
  ids=['black', 'white', 'belly'],
)
def test_nothing_is_found_where_there_are_no_lungs(image):
  assert not hulls.lungs(image).any()


def test_the_trachea_alone_is_no_lung():
  image = _ellipses(left=220, right=220)
  cv2.circle(image, (128, 110), 10, 10, cv2.FILLED)
  assert not hulls.lungs(image).any()


@pytest.mark.parametrize('size', [64, 128, 300])
def test_the_body_is_found_at_any_size(size):
  patient = drawing.sample_patient(seed=1, split='test', label='NCP', number=1)
  drawn = drawing.draw_slice(patient, 1, size=size)
  found = hulls.body(drawn.image)
  assert found[drawn.body].mean() > 0.98
  assert (found & ~drawn.body).sum() < 0.1 * drawn.body.sum()


def test_a_body_with_a_thin_wall_is_found_as_a_whole():
  image = _ellipses()
  # All but a strip in the middle and a wall of four pixels is lung.
  cv2.ellipse(image, (128, 128), (106, 76), 0, 0, 360, 60, cv2.FILLED)
  cv2.rectangle(image, (118, 52), (138, 204), 220, cv2.FILLED)
  found = hulls.body(image)
  assert found[_ellipses() > 10].mean() > 0.98


@pytest.mark.parametrize('value', [0, 255])
def test_a_uniform_slice_is_all_body(value):
  assert hulls.body(np.full((60, 90), value, np.uint8)).all()


def test_lungs_are_found_in_real_slices(real_data):
  folder = real_data / 'covidx_ct_sample'
  with (folder / 'manifest.csv').open() as file:
    rows = list(csv.DictReader(file))
  found = []
  for row in rows[::8]:
    path = folder / '3A_images' / row['file']
    image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    # Of the two patients with whole scans, slices of neck and belly have none.
    if row['label'] != 'Normal':
      found.append(hulls.lungs(image).mean())
  assert np.mean(np.array(found) > 0.05) > 0.95
