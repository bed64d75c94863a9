# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A temperature that helps, one that harms, and none."""

import numpy as np
import pytest

from bit_covid.audit.model import calibration_shift


@pytest.mark.parametrize(
  ('temperature', 'severity'),
  [
    # 60 % are right, of which the network is 90 % sure.
    (3.0, 'NOTE'),
    (0.5, 'WARNING'),
    (None, 'NOT CHECKED'),
  ],
)
def test_worse_probabilities_are_a_warning(make_subject, temperature, severity):
  hit = np.arange(144) % 5 < 3
  found = calibration_shift.check(
    make_subject(hit=hit, temperature=temperature)
  )
  assert found.severity == severity
  assert ('makes them worse' in found.text) == (severity == 'WARNING')


def test_numbers_are_those_before_and_after(make_subject):
  hit = np.arange(144) % 5 < 3
  found = calibration_shift.check(make_subject(hit=hit, temperature=2.0))
  before, after = found.table['Negative log-likelihood']
  share = hit.mean()
  expected = -share * np.log(0.9) - (1 - share) * np.log(0.05)
  assert float(before) == pytest.approx(expected, abs=1e-4)
  flat = np.sqrt([0.9, 0.05, 0.05])
  flat /= flat.sum()
  expected = -share * np.log(flat[0]) - (1 - share) * np.log(flat[1])
  assert float(after) == pytest.approx(expected, abs=1e-4)


def test_a_temperature_of_few_errors_is_no_warning(make_subject):
  # One patient of 24 is wrong: 0.75 is best, and 0.43 to 1.33 are possible.
  subject = make_subject(hit=np.arange(144) < 138, temperature=1.3)
  subject = subject._replace(tables={**subject.tables, 'val': subject.table})
  found = calibration_shift.check(subject)
  assert found.severity == 'NOTE'
  assert 'makes them worse' in found.text
  assert 'itself 0.755 is best (0.43 to 1.33)' in found.text
  assert 'that of val is 0.748 to 2.26' in found.text
