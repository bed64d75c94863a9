# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Time within time counts once."""

import time

from bit_covid.base import stopwatch


def test_what_is_within_counts_once(monkeypatch):
  moments = iter([0.0, 1.0, 3.0, 7.0])
  monkeypatch.setattr(time, 'monotonic', lambda: next(moments))
  watch = stopwatch.Stopwatch()
  with watch.of('outer'), watch.of('inner'):
    pass
  assert watch.seconds == {'outer': 5.0, 'inner': 2.0}
