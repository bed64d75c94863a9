# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The nearest picture against NumPy's correlation of all pairs."""

import cv2
import numpy as np
import pytest

from bit_covid.audit import nearest_picture


def test_the_nearest_is_that_of_numpy_in_float64(monkeypatch):
  monkeypatch.setattr(nearest_picture, '_CHUNK', 4)
  generator = np.random.default_rng(0)
  images = [generator.integers(0, 256, [50, 60], np.uint8) for _ in range(17)]
  small = [
    cv2.resize(x, (48, 48), interpolation=cv2.INTER_AREA).ravel()
    for x in images
  ]
  expected = np.corrcoef(np.float64(small))[:10, 10:]
  vectors = np.stack([nearest_picture.vector(x) for x in images])
  row, value = nearest_picture.nearest(vectors[:10], vectors[10:])
  np.testing.assert_array_equal(row, expected.argmax(axis=1))
  np.testing.assert_allclose(value, expected.max(axis=1), atol=1e-5)


def test_an_image_of_one_gray_value_correlates_with_none():
  flat = nearest_picture.vector(np.full([9, 9], 200, np.uint8))
  assert not flat.any()


def test_brightness_and_size_do_not_matter():
  image = np.random.default_rng(1).integers(0, 200, [96, 96], np.uint8)
  larger = cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
  first, second = map(nearest_picture.vector, (image, larger // 2 + 20))
  assert first @ second == pytest.approx(1, abs=0.01)
