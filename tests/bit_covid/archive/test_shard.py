# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Which share of an archive a process does."""

import pytest

from bit_covid.archive import shard


def _slurm(**values):
  return {f'SLURM_ARRAY_TASK_{k}': str(x) for k, x in values.items()}


@pytest.mark.parametrize(
  ('text', 'environment', 'expected'),
  [
    (None, {}, None),
    ('3/8', {}, (3, 8)),
    ('3/8', _slurm(ID=1, MIN=0, COUNT=2), (3, 8)),
    (None, _slurm(ID=7, MIN=0, COUNT=8), (7, 8)),
    # --array=1-8, and --array=10-30:10
    (None, _slurm(ID=8, MIN=1, COUNT=8), (7, 8)),
    (None, _slurm(ID=30, MIN=10, STEP=10, COUNT=3), (2, 3)),
  ],
)
def test_the_share_of_a_process(text, environment, expected):
  assert shard.find(text, environment) == expected


@pytest.mark.parametrize(
  ('text', 'environment'),
  [
    ('8/8', {}),
    ('-1/8', {}),
    ('1', {}),
    ('a/b', {}),
    # --array=3,17
    (None, _slurm(ID=17, MIN=3, COUNT=2)),
  ],
)
def test_a_share_that_cannot_be_is_refused(text, environment):
  with pytest.raises(ValueError, match='without gaps'):
    shard.find(text, environment)
