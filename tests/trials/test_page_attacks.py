# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A sample of the attacks on the page."""

import pytest

pytest.importorskip('uvicorn', reason='needs the extra app')

from tests.trials import page_attacks


@pytest.mark.slow
def test_a_sample_of_attacks(tmp_path):
  rows = page_attacks.run(amount=48, seed=1, scratch=tmp_path)
  assert len(rows) == 9
  for row in rows:
    assert row.tries, row.place
    assert not row.differences, row.place
    assert not row.strays, row.place
