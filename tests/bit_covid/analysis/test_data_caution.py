# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What the name of a data set says about its numbers."""

import pytest

from bit_covid.analysis import data_caution
from input_pipeline import data_sets


@pytest.mark.parametrize(
  ('name', 'for_report', 'for_scan'),
  [
    ('phantom/demo', 'nothing about patients', 'drawn pictures'),
    ('textures/m', 'nothing about patients', 'drawn pictures'),
    ('covidx_ct/2a', 'upper bound', 'at another hospital'),
    ('covidx_ct:1.0.0', 'upper bound', 'at another hospital'),
    ('image_folder', '', 'images of its own user'),
    ('sars_cov_2_ct', 'upper bound', 'how well it does on new patients'),
    ('mosmed', '', 'trained on mosmed; how well it does on other data'),
    # A public set whose name merely begins like another one.
    ('covidx_ct_3/a', '', 'trained on covidx_ct_3/a;'),
    ('', '', 'does not say which data set'),
    (None, '', 'does not say which data set'),
  ],
)
def test_caution_is_that_of_the_data_set(name, for_report, for_scan):
  found = data_caution.data_caution(name)
  assert for_report in found.for_report
  assert bool(found.for_report) == bool(for_report)
  assert for_scan in found.for_scan
  assert found.for_scan.endswith('.')


def test_every_data_set_of_the_package_has_its_own_caution():
  for name in data_sets.DATA_SETS:
    assert f'trained on {name};' not in data_caution.data_caution(name).for_scan
