# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A sample of the trial of full disks."""

import subprocess

import pytest

from tests.trials import full_disk


@pytest.mark.slow
def test_a_training_on_a_full_disk_goes_on_when_there_is_room(tmp_path):
  try:
    with full_disk._disk(tmp_path / 'disk'):
      pass
  except (OSError, subprocess.CalledProcessError):
    pytest.skip('only root can mount a disk of a small size')
  (tmp_path / 'scratch').mkdir()
  (row,) = full_disk.run(amount=1, seed=0, scratch=tmp_path / 'scratch')
  assert (row.tries, row.differences, row.strays) == (1, [], [])
