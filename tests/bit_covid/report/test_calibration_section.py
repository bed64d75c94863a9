# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The sentence on a temperature that does not help."""

import pytest

from bit_covid.report import calibration_section


@pytest.mark.parametrize(('after', 'is_worse'), [(0.0278, True), (0.01, False)])
def test_a_temperature_that_harms_is_called_so(after, is_worse):
  found = calibration_section._temperature(
    'test',
    {
      'temperature': 0.5,
      'temperature_low': 0.25,
      'temperature_high': 1.0,
      'fitted_on': 'val',
      'before': {'nll': {'value': 0.0144}},
      'after': {'nll': {'value': after}},
    },
  )
  text = ' '.join(x.text for x in found)
  assert 'temperature 0.50 (95 % interval 0.25 to 1.00)' in text
  sentence = 'from 0.0144 to 0.0278. Do not call them calibrated.'
  assert (sentence in text) == is_worse
