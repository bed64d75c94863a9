# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Gray values to [-1, 1]."""

import numpy as np

from bit_covid.models import normalize


def test_black_is_minus_one_and_white_is_one():
  values = normalize.to_model_range(np.array([0, 51, 255], np.uint8))
  assert values.dtype == np.float32
  np.testing.assert_allclose(values, [-1, -0.6, 1], atol=1e-7)
