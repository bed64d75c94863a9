# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Hounsfield units to gray values, in closed form."""

import numpy as np
import pytest

from input_pipeline import conventions
from input_pipeline.scans import window


def test_the_lung_window_in_numbers():
  values = np.array([-2000, -1350, -1345, -1344, -600, 149, 150, 3000, np.nan])
  # -1344: 255 * 6 / 1500 = 1.02; -600: 127.5, cut off.
  np.testing.assert_array_equal(
    window.to_gray(values, conventions.LUNG_WINDOW),
    [0, 0, 0, 1, 127, 254, 255, 255, 0],
  )


@pytest.mark.parametrize('dtype', ['<u2', '>u2', '<i2', '>i2', 'u1', '<i4'])
def test_stored_numbers_of_all_types_give_the_same(dtype):
  limits = np.iinfo(dtype)
  stored = np.linspace(max(limits.min, -2000), min(limits.max, 4000), 99)
  stored = stored.astype(dtype)
  actual = window.stored_to_gray(
    stored, slope=0.5, intercept=-1024, window=conventions.LUNG_WINDOW
  )
  hounsfield = stored.astype(np.float64) * 0.5 - 1024
  # The window goes from -1350 to 150 HU; fractions are cut off.
  expected = np.trunc(255 * np.clip((hounsfield + 1350) / 1500, 0, 1))
  assert len(np.unique(expected)) > 3
  np.testing.assert_array_equal(actual, expected)


def test_no_window_is_refused():
  with pytest.raises(ValueError, match='expected a width above 0'):
    window.check((-600, 0))
