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

from benchmarks.accelerator import correctness
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
def test_program_checks_measures_and_goes_on(tmp_path):
  path = tmp_path / 'results.jsonl'
  # Without PyTorch, which takes minutes to compile on a CPU.
  first = _run(path, '--tasks', 'train', 'end to end', '--no_peer')
  assert first.returncode == 0, first.stdout + first.stderr
  assert 'pass: gradients against float64 differences' in first.stdout
  assert 'so there is no share' in first.stdout
  lines = rows.read(path)
  tasks = [line['row']['task'] for line in lines]
  assert tasks == ['correctness', 'train', 'end to end', 'profile']
  assert not any('failed' in line for line in lines)
  assert all(line['images_per_second'] > 0 for line in lines[1:3])
  assert len(lines[3]['kernels']) == 10
  # Loss and gradient of the network, without padding.
  assert sum(x['gflop'] for x in lines[3]['operations']) > 0.01
  again = _run(path, '--tasks', 'train', 'end to end', '--no_peer')
  assert again.returncode == 0, again.stdout + again.stderr
  assert rows.read(path) == lines


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
