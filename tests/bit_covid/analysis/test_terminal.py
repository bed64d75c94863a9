# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Metrics as a table for a terminal."""

import numpy as np

from bit_covid.analysis import metrics
from bit_covid.analysis import terminal


def test_table_has_every_number():
  confusion = np.array([[1200, 0, 0], [0, 0, 0], [30, 0, 10]])
  text = terminal.format_summary(
    'test', metrics.summary(confusion, ('Normal', 'CP', 'NCP'))
  )
  assert 'test: accuracy 97.58% of 1,240 slices' in text
  rows = [line.split() for line in text.splitlines()]
  assert ['Normal', '100.00%', '97.56%', '25.00%', '100.00%'] in rows
  assert ['CP', 'undefined', 'undefined', '100.00%', '100.00%'] in rows
  assert ['Normal', '1,200', '0', '0'] in rows
  assert ['NCP', '30', '0', '10'] in rows
  assert 'truth in rows, prediction in columns' in text.replace('\n', ' ')
  assert max(map(len, text.splitlines())) <= 80


def test_table_is_text_in_a_notebook_too(monkeypatch):
  summary = metrics.summary(np.array([[3, 1], [0, 2]]), ('a', 'b'))
  text = terminal.format_summary('test', summary)
  monkeypatch.setattr('rich.console._is_jupyter', lambda: True)
  monkeypatch.setenv('FORCE_COLOR', '1')
  assert terminal.format_summary('test', summary) == text
