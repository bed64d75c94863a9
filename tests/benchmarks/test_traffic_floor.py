# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Bytes of a step against sums by hand, and against those of a compiler."""

import jax.numpy as jnp
import pytest

from benchmarks import traffic_floor
from bit_covid.models import resnet_v2

# The tiny network at 64 pixels: values of the root's map, of the pooled one, of
# the maps of its four units, and of the last one. At stride 2, a projection
# sees every fourth pixel.
ROOT, POOLED, LAST = 32 * 32 * 16, 16 * 16 * 16, 2 * 2 * 512
UNITS = (
  {'x': 16 * 16 * 16, 'y1': 16 * 16 * 16, 'y2': 16 * 16 * 16}
  | {'out': 16 * 16 * 64, 'seen': 16 * 16 * 16},
  {'x': 16 * 16 * 64, 'y1': 16 * 16 * 32, 'y2': 8 * 8 * 32}
  | {'out': 8 * 8 * 128, 'seen': 8 * 8 * 64},
  {'x': 8 * 8 * 128, 'y1': 8 * 8 * 64, 'y2': 4 * 4 * 64}
  | {'out': 4 * 4 * 256, 'seen': 4 * 4 * 128},
  {'x': 4 * 4 * 256, 'y1': 4 * 4 * 128, 'y2': 2 * 2 * 128}
  | {'out': 2 * 2 * 512, 'seen': 2 * 2 * 256},
)


def _sum(*, x=0, y1=0, y2=0, out=0, seen=0, last=0):
  """Returns values of maps that are moved so many times, over all units."""
  times = {'x': x, 'y1': y1, 'y2': y2, 'out': out, 'seen': seen}
  values = sum(times[name] * unit[name] for unit in UNITS for name in times)
  return values + last * LAST


def _count(lanes=1, batch=3, dtype=jnp.float32, name='tiny', side=64):
  network = resnet_v2.create(name, num_classes=3, dtype=dtype)
  return traffic_floor.count(network, batch=batch, side=side, lanes=lanes)


def test_each_operation_reads_its_maps_and_writes_one():
  """All units of this network have a projection."""
  found = {
    name: {part: num_bytes / 12 for part, num_bytes in parts.items()}
    for name, parts in _count().items()  # Three images of float32.
  }
  root = {
    # Written, read by the pooling, read and written backward, and read.
    'root and pooling': 5 * ROOT + 2 * POOLED + 2 * 64**2 / 4
  }
  update = {'update': found['kept']['update']}
  assert found['by convolution'] == root | update | {
    'forward': _sum(x=1, y1=2, y2=2, out=3, seen=1, last=1),
    'gradients of maps': _sum(x=4, y1=4, y2=4, out=2),
    'gradients of kernels': _sum(x=1, y1=3, y2=3, out=2, seen=1),
    'gradients of first norms': _sum(x=3, last=2),
  }
  assert found['gradients joined'] == root | update | {
    'forward': _sum(x=1, y1=2, y2=2, out=1, seen=1, last=1),
    'backward': _sum(x=5, y1=4, y2=4, out=1, last=2),
  }
  assert found['kept'] == update | {
    'inputs of norms': _sum(x=2, y1=2, y2=2, last=2),
    # Two bytes a pixel and two a pooled value.
    'root and pooling': 2 * (64**2 + POOLED) / 4,
  }


def test_a_unit_without_a_projection_reads_its_shortcut_twice():
  """Forward for the sum, and backward for the sum of both gradients."""
  size = resnet_v2.Size((2,), width=8, num_groups=4)
  found = [
    traffic_floor.count(
      resnet_v2.ResNetV2(num_classes=3, size=x), batch=1, side=32, lanes=1
    )['by convolution']
    for x in (size._replace(block_units=(1,)), size)
  ]
  narrow, wide = 4 * 8 * 8 * 8, 4 * 8 * 8 * 32
  assert found[1]['forward'] - found[0]['forward'] == 4 * narrow + 3 * wide
  name = 'gradients of first norms'
  assert found[1][name] - found[0][name] == 4 * wide


def test_channels_are_padded_to_the_lanes_of_a_tpu():
  padded, plain = _count(lanes=128)['kept'], _count()['kept']
  # 64 instead of 16 channels, and so on: only the last unit fills its lanes.
  assert 2 < padded['inputs of norms'] / plain['inputs of norms'] < 8
  # All of its widths are multiples of 16.
  assert _count(lanes=16)['kept'] == plain


def test_a_compiler_moves_a_little_more():
  """libtpu 0.0.42.1 with `xla_msa_enable=false`; docs/tpu.md."""
  found = _count(
    lanes=128, batch=16, dtype=jnp.bfloat16, name='R50x1', side=480
  )
  assert 0.9 < sum(found['by convolution'].values()) / 20.6e9 < 1
  measured = {
    'forward': 4.4e9,
    'gradients of maps': 6.0e9,
    'gradients of kernels': 4.3e9,
    'gradients of first norms': 3.0e9,
  }
  parts = {name: found['by convolution'][name] for name in measured}
  assert parts == pytest.approx(measured, rel=0.1)
  # Of R50x1 with three classes (BiT): read and written with their momenta.
  parameters = 23_500_352 + 2049 * 3
  assert found['kept']['update'] == 16 * parameters
