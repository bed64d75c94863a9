# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The whole program on a CPU, with a network that is tiny."""

import os
import pathlib
import subprocess
import sys

import jax
import numpy as np
import pytest

from benchmarks.accelerator import __main__ as program
from benchmarks.accelerator import correctness
from benchmarks.accelerator import here
from benchmarks.accelerator import rows
from bit_covid.models.ops import max_pool

ROOT = pathlib.Path(__file__).parents[3]


def _run(path, *flags):
  return subprocess.run(
    [sys.executable, '-m', 'benchmarks.accelerator', f'--json={path}']
    + ['--models=tiny', '--sides=32', '--batches=2', '--turns=1']
    + ['--precisions=bfloat16', *flags],
    cwd=ROOT,
    env={**os.environ, 'JAX_PLATFORMS': 'cpu'},
    capture_output=True,
    text=True,
    check=False,
  )


@pytest.mark.slow
def test_program_measures_and_goes_on(tmp_path):
  path = tmp_path / 'results.jsonl'
  # Without PyTorch, which takes minutes to compile on a CPU.
  flags = ['--tasks=train', '--no_peer', '--no_checks']
  first = _run(path, *flags)
  assert first.returncode == 0, first.stdout + first.stderr
  assert 'so there is no share' in first.stdout
  lines = rows.read(path)
  assert [line['row']['task'] for line in lines] == ['train', 'profile']
  assert not any('failed' in line for line in lines)
  assert lines[0]['images_per_second'] > 0
  assert len(lines[1]['kernels']) == 10
  # Loss and gradient of the network, without padding.
  assert sum(x['gflop'] for x in lines[1]['operations']) > 0.01
  again = _run(path, *flags)
  assert again.returncode == 0, again.stdout + again.stderr
  assert rows.read(path) == lines


@pytest.mark.slow
def test_all_checks_pass_on_two_devices(monkeypatch):
  # They add a flag, which is taken away after the test.
  monkeypatch.setenv('XLA_FLAGS', '')
  checks = correctness.run()['checks']
  assert len(checks) == 5
  assert all(check['passed'] for check in checks), checks


@pytest.mark.slow
def test_end_to_end_makes_steps_from_prepared_images():
  training = here.run(
    task='end to end',
    model='tiny',
    side=30,
    precision='bfloat16',
    batch=2,
    settings=[],
  )
  training.run(2)
  assert training.compile_seconds > 0
  assert training.peak_bytes() is None  # A CPU does not say.


def test_wrong_logits_are_seen(monkeypatch):
  # The windows of the pooling see -inf and not zeros outside the map.
  monkeypatch.setattr(
    max_pool,
    'root_pool',
    lambda x: jax.lax.reduce_window(
      x, -np.inf, jax.lax.max, (1, 3, 3, 1), (1, 2, 2, 1), 'SAME'
    ),
  )
  assert not correctness.check_logits('float32').passed


def test_nothing_is_measured_if_a_check_fails(tmp_path, monkeypatch, capsys):
  check = {'name': 'logits', 'passed': False, 'difference': 1, 'tolerance': 0}
  answers = {
    'facts': {'device': 'Tesla T4', 'platform': 'gpu', 'devices': 1},
    'correctness': {'checks': [check]},
  }
  monkeypatch.setattr(program, '_ask', lambda job, *_: answers[job])
  path = tmp_path / 'results.jsonl'
  monkeypatch.setattr(sys, 'argv', ['accelerator', f'--json={path}'])
  assert program.main() == 1
  assert 'FAIL: logits' in capsys.readouterr().out
  # The check is made again the next time.
  assert not rows.read(path)
