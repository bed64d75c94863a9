# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What `predict` prints of a scan, as seconds."""

import pytest

from benchmarks import whole_scan

_PRINTED = """\
Network ready after 1.5 s
series -> 0a.html: Normal 20.0%, CP 30.0%, NCP 50.0% (117 of 131 slices count)
  26.2 s, 200 ms a slice: network 145 ms, reading 53 ms, drawing 2 ms
"""


def test_the_parts_of_a_scan_are_in_seconds():
  found = whole_scan.parts(_PRINTED)
  assert found == pytest.approx(
    {'compiling': 1.5, 'network': 18.995, 'reading': 6.943, 'drawing': 0.262}
  )


def test_a_scan_that_was_not_scored_is_an_error():
  with pytest.raises(RuntimeError, match='not scored'):
    whole_scan.parts('Network ready after 1.5 s\n')
