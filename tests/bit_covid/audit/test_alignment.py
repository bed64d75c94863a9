# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Likeness after alignment."""

import cv2
import numpy as np
import pytest

from bit_covid.audit import alignment


def _picture(seed):
  noise = np.random.default_rng(seed).integers(0, 256, [16, 16], np.uint8)
  return cv2.resize(noise, (64, 64), interpolation=cv2.INTER_CUBIC)


def test_a_picture_is_like_itself_and_unlike_its_negative():
  picture = _picture(0)
  assert alignment.likeness(picture, picture) == pytest.approx(1, abs=1e-6)
  assert alignment.likeness(picture, picture // 2 + 50) > 0.99
  assert alignment.likeness(picture, 255 - picture) < 0.5


def test_a_moved_and_scaled_picture_is_aligned():
  warp = np.float32([[1.03, 0.02, 2.5], [-0.01, 0.97, -1.5]])
  moved = cv2.warpAffine(_picture(0), warp, (64, 64))
  details = [
    x - cv2.GaussianBlur(x, (0, 0), 2)
    for x in (np.float32(_picture(0)), np.float32(moved))
  ]
  assert np.corrcoef(*(x.ravel() for x in details))[0, 1] < 0.5
  assert alignment.likeness(_picture(0), moved) > 0.9


@pytest.mark.parametrize('seed', range(1, 6))
def test_other_pictures_of_the_same_coarse_shape_are_not_alike(seed):
  shape = cv2.GaussianBlur(_picture(0).astype(float), (0, 0), 6)
  shape = 128 + 40 * (shape - shape.mean()) / shape.std()
  pictures = [
    np.clip(shape + (_picture(i) - 128.0) / 6, 0, 255).astype(np.uint8)
    for i in (0, seed)
  ]
  assert np.corrcoef(*(x.ravel() for x in pictures))[0, 1] > 0.9
  assert alignment.likeness(*pictures) < 0.5


def test_what_cannot_be_aligned_is_not_alike():
  flat = np.full([64, 64], 9, np.uint8)
  assert alignment.likeness(_picture(0), flat) == 0
  assert alignment.likeness(flat, flat) == 0
