# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Any number of images goes through a function of few sizes of a batch."""

import numpy as np
import pytest

from bit_covid.inference import whole_batches


@pytest.mark.parametrize(
  ('count', 'sizes'),
  [
    (1, [1]),
    (2, [4]),
    (4, [4]),
    (5, [16]),
    (16, [16]),
    (17, [16, 16]),
    (33, [16, 16, 16]),
  ],
)
def test_batches_and_what_comes_of_them(count, sizes):
  seen = []

  def forward(factor, images, offsets):
    seen.append(len(images))
    assert images.dtype == np.float32
    return images.sum(axis=(1, 2, 3)) * factor + offsets, images[:, 0, 0, 0]

  images = np.random.default_rng(0).uniform(-1, 1, (count, 3, 3, 1))
  offsets = np.arange(count)
  sums, corners = whole_batches.apply(forward, 2.0, images, offsets)
  assert seen == sizes
  np.testing.assert_allclose(
    sums, 2 * images.sum(axis=(1, 2, 3)) + offsets, rtol=1e-5, atol=1e-5
  )
  np.testing.assert_allclose(corners, images[:, 0, 0, 0], rtol=1e-6)


def test_the_rest_of_many_images_needs_no_other_size():
  seen = []

  def forward(params, images):
    seen.append(len(images))
    return (images[:, 0, 0, 0],)

  images = np.linspace(-1, 1, 3 * 9).reshape(3, 3, 3, 1)
  (corners,) = whole_batches.apply(forward, None, images, num_images=131)
  assert seen == [16]
  np.testing.assert_allclose(corners, images[:, 0, 0, 0], rtol=1e-6)
