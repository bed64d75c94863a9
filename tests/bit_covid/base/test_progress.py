# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Lines about progress."""

import time

import pytest

from bit_covid.base import progress


@pytest.mark.parametrize(
  ('seconds', 'text'),
  [
    (0.4, '0 s'),
    (59, '59 s'),
    (185, '3 min 5 s'),
    (3600, '1 h 0 min'),
    (8070, '2 h 14 min'),
  ],
)
def test_format_seconds(seconds, text):
  assert progress.format_seconds(seconds) == text


def test_format_path(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  assert progress.format_path(tmp_path / 'runs' / 'demo') == 'runs/demo'
  assert progress.format_path(tmp_path) == str(tmp_path)
  assert progress.format_path(f'{tmp_path}_2/demo') == f'{tmp_path}_2/demo'
  assert progress.format_path('gs://bucket/demo') == 'gs://bucket/demo'


def test_report_has_speed_and_time_left(monkeypatch, capsys):
  now = [100.0]
  monkeypatch.setattr(time, 'monotonic', lambda: now[0])
  meter = progress.Progress(last_step=110, batch=32)
  now[0] += 60
  meter.start(10)
  now[0] += 10
  with meter.paused():  # Five more seconds, of an evaluation.
    now[0] += 5
  speeds = meter.report(60, {'train_loss': 0.5})
  assert speeds == {'steps_per_second': 5.0, 'images_per_second': 160.0}
  assert capsys.readouterr().out == (
    'First step after 1 min 0 s\n'
    'Step 60 of 110: train_loss 0.5; 5 steps/s, 10 s left\n'
  )


def test_report_of_the_first_step_has_no_speed_yet(capsys):
  meter = progress.Progress(last_step=10, batch=32)
  meter.start(1)
  meter.report(1, {'train_loss': 1.0})
  assert capsys.readouterr().out.endswith('Step 1 of 10: train_loss 1\n')
