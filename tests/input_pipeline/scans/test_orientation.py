# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Which way a slice lies, on a picture of four letters."""

import numpy as np
import pytest

from input_pipeline.scans import orientation

UPRIGHT = np.arange(12, dtype=np.uint8).reshape(3, 4)
AXIAL = np.array([1, 0, 0, 0, 1, 0])


WAYS = pytest.mark.parametrize(
  ('stored', 'directions'),
  [
    (UPRIGHT, [1, 0, 0, 0, 1, 0]),
    (UPRIGHT[:, ::-1], [-1, 0, 0, 0, 1, 0]),
    (UPRIGHT[::-1], [1, 0, 0, 0, -1, 0]),
    (UPRIGHT.T, [0, 1, 0, 1, 0, 0]),
    (UPRIGHT.T[::-1, ::-1], [0, -1, 0, -1, 0, 0]),
    # Along a row to the back, down a column to the right.
    (UPRIGHT.T[::-1], [0, 1, 0, -1, 0, 0]),
  ],
)


@WAYS
def test_all_ways_of_lying_become_upright(stored, directions):
  np.testing.assert_array_equal(
    orientation.upright(stored, np.array(directions)), UPRIGHT
  )


@WAYS
def test_what_is_upright_goes_back_to_how_it_was_stored(stored, directions):
  back = orientation.as_stored(UPRIGHT, np.array(directions), stored.shape)
  np.testing.assert_array_equal(back, stored)


@pytest.mark.parametrize('pixel', [(0.5, 0.8), (1.0, 0.5)])
def test_pixels_made_square_go_back_to_their_number(pixel):
  # Linear values, which resampling keeps away from the edges.
  stored = np.add.outer(2.0 * np.arange(20), np.arange(24)).astype(np.float32)
  directions = np.array([0, 1, 0, -1, 0, 0])
  upright = orientation.upright(
    orientation.with_square_pixels(stored, *pixel), directions
  )
  assert upright.size > stored.size
  back = orientation.as_stored(upright, directions, stored.shape)
  np.testing.assert_allclose(back[2:-2, 2:-2], stored[2:-2, 2:-2], atol=1e-3)


def test_other_planes_are_named():
  assert orientation.problem(AXIAL) is None
  tilt = np.radians(25)
  tilted = np.array([1, 0, 0, 0, np.cos(tilt), np.sin(tilt)])
  assert orientation.problem(tilted) is None
  coronal = np.array([1, 0, 0, 0, 0, -1])
  assert 'not an axial slice' in orientation.problem(coronal)
  assert 'perpendicular' in orientation.problem(np.array([1, 0, 0, 1, 0, 0]))


def test_position_grows_towards_the_head_whatever_the_normal():
  for directions in (AXIAL, np.array([1, 0, 0, 0, -1, 0])):
    low, high = (
      orientation.position_along_body(directions, np.array([5, 6, z]))
      for z in (-10, 20)
    )
    assert high - low == pytest.approx(30)
