# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Page faults of a program that allocates and frees the same memory."""

import os
import platform
import subprocess
import sys

import pytest

_PROGRAM = """
import resource
import jax
from bit_covid.base import host_memory
kept = host_memory.keep_freed()

@jax.jit
@jax.grad
def work(kernel, x):
  for _ in range(4):
    x = jax.nn.relu(jax.lax.conv_general_dilated(
        x, kernel, (1, 1), 'SAME', dimension_numbers=('NHWC', 'HWIO', 'NHWC')))
  return x.sum()

# A map has 8 MB.
arguments = jax.numpy.ones((3, 3, 64, 64)), jax.numpy.ones((8, 64, 64, 64))
faults = []
for _ in range(11):
  before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
  work(*arguments).block_until_ready()
  faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
# A quiet call and not each: now and then the heap still grows, the more often
# the more programs share the machine.
print(kept, sorted(faults)[2])
"""


def _run(platforms: str, program: str = _PROGRAM) -> tuple[str, int]:
  result = subprocess.run(
    [sys.executable, '-c', program],
    env={**os.environ, 'JAX_PLATFORMS': platforms},
    capture_output=True,
    text=True,
    check=True,
  )
  kept, faults = result.stdout.split()
  return kept, int(faults)


@pytest.mark.skipif(
  platform.libc_ver()[0] != 'glibc', reason='another C library than glibc'
)
def test_a_cpu_takes_the_same_pages_again():
  without = _PROGRAM.replace('host_memory.keep_freed()', 'False')
  _, plain = _run('cpu', without)
  kept, faults = _run('cpu')
  assert kept == 'True'
  # A map has 2,048 pages of 4 kB.
  assert plain > 2048
  assert faults < 100


def test_nothing_is_changed_where_there_may_be_an_accelerator():
  only_asks = """
from bit_covid.base import host_memory
print(host_memory.keep_freed(), 0)
"""
  kept, _ = _run('cuda,cpu', only_asks)
  assert kept == 'False'
