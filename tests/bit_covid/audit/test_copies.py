# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Copies that look different, put in by hand."""

import cv2
import numpy as np
import pandas as pd
import pytest

from bit_covid.audit import copies
from bit_covid.audit import thumbnails


def _chest(seed):
  """A bright ellipse with a texture of its own, in a dark margin."""
  random = np.random.default_rng(seed)
  noise = random.integers(40, 256, [20, 20], np.uint8)
  texture = cv2.resize(noise, (200, 160), interpolation=cv2.INTER_CUBIC)
  body = np.zeros_like(texture)
  cv2.ellipse(body, (100, 80), (85, 60), 0, 0, 360, 1, -1)
  return texture * body


def _jpeg(image):
  encoded = cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, 20])[1]
  return cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE)


def _with_text(image):
  image = image.copy()
  for line, place in (('PATIENT 17', (2, 14)), ('W1500 L-600', (90, 156))):
    cv2.putText(image, line, place, cv2.FONT_HERSHEY_PLAIN, 1, 255)
  return image


_CHANGES = {
  'JPEG': _jpeg,
  'darker': lambda image: image // 2 + 30,
  'brighter': lambda image: cv2.convertScaleAbs(image, alpha=1.1, beta=25),
  'half the size': lambda image: cv2.resize(image, (100, 80)),
  'squeezed': lambda image: cv2.resize(image, (200, 120)),
  'without the margin': lambda image: image[20:140, 15:185],
  'cropped': lambda image: image[28:, 26:],
  'mirrored': lambda image: image[:, ::-1],
  'upside down': lambda image: image[::-1],
  'turned by 90 degrees': np.rot90,
  'with text': _with_text,
  'mirrored, cropped, JPEG': lambda image: _jpeg(image[:, ::-1][26:, 24:]),
}


@pytest.fixture(scope='module')
def clean():
  """40 slices of 40 patients in two splits, and their thumbnails."""
  table = pd.DataFrame({'patient_id': np.arange(40), 'digest': np.arange(40)})
  table['split'] = np.where(np.arange(40) < 25, 'train', 'test')
  pictures = np.stack([thumbnails.thumbnail(_chest(i)) for i in range(40)])
  return table, pictures


def test_slices_of_different_patients_do_not_look_the_same(clean):
  assert copies.find(*clean).empty


@pytest.mark.parametrize('change', _CHANGES)
def test_a_changed_copy_is_found_and_nothing_else(clean, change):
  table, pictures = clean
  pictures = pictures.copy()
  changed = np.ascontiguousarray(_CHANGES[change](_chest(3)))
  pictures[30] = thumbnails.thumbnail(changed)
  found = copies.find(table, pictures)
  assert found[['first', 'second']].to_numpy().tolist() == [[3, 30]]
  assert copies.ALIKE <= found['likeness'].item() <= 1


@pytest.mark.parametrize('column', ['split', 'patient_id', 'digest'])
def test_pairs_that_other_checks_report_are_left_out(clean, column):
  table, pictures = clean
  pictures = pictures.copy()
  pictures[30] = pictures[3]
  table = table.copy()
  table.loc[30, column] = table.loc[3, column]
  assert copies.find(table, pictures).empty


def test_slices_that_show_nothing_are_not_copies(clean):
  table, pictures = clean
  pictures = pictures.copy()
  pictures[20:30] = 0
  assert copies.find(table, pictures).empty
  assert copies.find(table, np.zeros_like(pictures)).empty


def test_many_copies_of_one_slice_are_all_found(clean):
  table, pictures = clean
  pictures = pictures.copy()
  pictures[[1, 2, 5, 8, 13, 30]] = pictures[3]
  found = copies.find(table, pictures)
  assert set(found['first']) == {1, 2, 3, 5, 8, 13}
  assert set(found['second']) == {30}
