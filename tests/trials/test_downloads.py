# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A few kills of the trial of downloads."""

import importlib

import pytest

pytest.importorskip('tests.trials.frame')


@pytest.mark.slow
def test_sample(tmp_path):
  downloads = importlib.import_module('tests.trials.downloads')
  rows = downloads.run(amount=12, seed=0, scratch=tmp_path)
  assert [row for row in rows if not row.is_right] == []
