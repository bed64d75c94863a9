# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What limits the results of a network is said with them."""

import types

import pytest

from bit_covid.scoring import output


@pytest.mark.parametrize(
  ('data', 'text'),
  [
    ('phantom/demo', 'drawn pictures'),
    ('textures/m', 'drawn pictures'),
    ('covidx_ct/2a', 'COVIDx CT'),
    ('image_folder', 'own user'),
    ('mosmed', 'mosmed'),
    (None, 'does not say which data set'),
  ],
)
def test_the_training_data_come_first_among_the_cautions(data, text):
  (only,) = output.cautions(
    types.SimpleNamespace(facts={'data': data}, window=(0, 1), temperature=1.0)
  )
  assert text in only


def test_unknown_calibration_and_window_are_cautions():
  _, calibration, window = output.cautions(
    types.SimpleNamespace(facts={}, window=None, temperature=None)
  )
  assert 'not calibrated' in calibration
  assert '-1350 to 150 HU' in window
