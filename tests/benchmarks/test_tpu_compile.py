# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The step compiles for chips that are not here; its counts are plausible.

A minute; skipped without libtpu, which no extra brings but `tpu`.
"""

import importlib.util
import json
import os
import pathlib
import subprocess
import sys

import jax
import jax.numpy as jnp
import optax
import pytest

from benchmarks import tpu_compile
from bit_covid.models import resnet_v2

ROOT = pathlib.Path(__file__).parents[2]
BATCH, SIDE = 8, 128


def _operations() -> float:
  """Returns GFLOP of loss and gradient, as XLA counts before it compiles."""
  network = resnet_v2.create('tiny', num_classes=3, dtype=jnp.bfloat16)

  def loss(params, images, labels):
    logits, _ = network.apply({'params': params}, images)
    return optax.softmax_cross_entropy(logits, labels).mean()

  lowered = jax.jit(jax.grad(loss)).lower(
    resnet_v2.parameter_shapes(network),
    jax.ShapeDtypeStruct((BATCH, SIDE, SIDE, 1), jnp.bfloat16),
    jax.ShapeDtypeStruct((BATCH, 3), jnp.float32),
  )
  return lowered.cost_analysis()['flops'] / 1e9


def test_least_times_are_those_of_the_published_speeds():
  # A v5e chip computes 197 TFLOP and moves 819 GB in a second.
  counts = {'gflop': 1970, 'gb_moved_in_hbm': 16.38, 'model': 'tiny'}
  found = tpu_compile.least_times(
    counts | {'batch': 16, 'side': 64}, 'TPU v5 lite'
  )
  assert (found['ms_of_products'], found['ms_of_memory']) == (10, 20)
  # 10,000 steps of 64 images, 101 evaluations of val and one of test, each of
  # whose images costs a third.
  images = 640_000 + (101 * 25_486 + 25_658) / 3
  hours = images * 0.020 / 16 / 3600
  assert found['chip_hours_of_the_paper'] == pytest.approx(hours, abs=0.05)


@pytest.mark.slow
@pytest.mark.skipif(
  importlib.util.find_spec('libtpu') is None,
  reason='needs the compiler for TPUs: pip install libtpu==0.0.42.1',
)
def test_compiles_for_four_chips_that_are_not_here(tmp_path):
  # In a process of its own: libtpu writes to stderr as it is loaded. Another
  # that compiles at the same time is no harm, as no chip is there.
  subprocess.run(
    [sys.executable, '-m', 'benchmarks.tpu_compile', '--topology=v5e:2x2']
    + ['--model=tiny', f'--batch={BATCH}', f'--side={SIDE}', '--accumulation=2']
    + [f'--json={tmp_path / "counts.json"}'],
    cwd=ROOT,
    env={**os.environ, 'ALLOW_MULTIPLE_LIBTPU_LOAD': '1'},
    check=True,
    capture_output=True,
  )
  counts = json.loads((tmp_path / 'counts.json').read_text())
  assert counts['chips'] == 4
  # Of both parts of the batch, of which XLA counts one; so few images are
  # padded, which adds operations.
  assert 0.95 < counts['gflop'] / _operations() < 1.8
  assert counts['gb_moved'] > counts['gb_moved_in_hbm'] > 0
  memory = 1000 * counts['gb_moved_in_hbm'] / 819
  assert counts['ms_of_memory'] == pytest.approx(memory, abs=0.02)
  assert 0 < counts['gb_of_arguments'] < counts['gb_at_peak'] < 1
