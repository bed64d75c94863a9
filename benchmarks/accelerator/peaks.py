# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The published speeds of cards, and those of timm on some of them."""

from collections.abc import Mapping
import types
from typing import NamedTuple


class Peak(NamedTuple):
  """What the maker of a card says about it, without structured sparsity.

  Attributes:
    bandwidth: of its large memory, GB/s.
    bfloat16: TFLOP/s of products of bfloat16, summed in float32.
    tf32: TFLOP/s of products of TF32; None if it has none.
    float32: TFLOP/s of float32; None if none is published.
    source: the document.
  """

  bandwidth: float
  bfloat16: float | None
  tf32: float | None
  float32: float | None
  source: str


# By a part of the device's name in JAX, the longer ones first.
PEAKS: Mapping[str, Peak] = types.MappingProxyType(
  {
    'H200': Peak(4800, 989.4, 494.7, 66.9, 'NVIDIA H200 datasheet'),
    'H100 80GB HBM3': Peak(3350, 989.4, 494.7, 66.9, 'NVIDIA H100 datasheet'),
    'H100 PCIe': Peak(2000, 756, 378, 51.2, 'NVIDIA H100 datasheet'),
    'A100-SXM4-80GB': Peak(2039, 312, 156, 19.5, 'NVIDIA A100 datasheet'),
    'A100 80GB PCIe': Peak(1935, 312, 156, 19.5, 'NVIDIA A100 datasheet'),
    'A100-SXM4-40GB': Peak(1555, 312, 156, 19.5, 'NVIDIA A100 datasheet'),
    'L40S': Peak(864, 362, 183, 91.6, 'NVIDIA L40S datasheet'),
    'NVIDIA L4': Peak(300, 121, 60, 30.3, 'NVIDIA L4 datasheet'),
    'A10': Peak(600, 125, 62.5, 31.2, 'NVIDIA A10 datasheet'),
    'T4': Peak(320, None, None, 8.1, 'NVIDIA T4 datasheet'),
    'V100-SXM2': Peak(900, None, None, 15.7, 'NVIDIA V100 datasheet'),
    'RTX 5090': Peak(1792, 209.5, 104.8, 104.8, 'NVIDIA Blackwell whitepaper'),
    'RTX 4090': Peak(1008, 165.2, 82.6, 82.6, 'NVIDIA Ada whitepaper'),
    'RTX 3090': Peak(936, 71, 35.6, 35.6, 'NVIDIA GA102 whitepaper'),
    'TPU v6 lite': Peak(1640, 918, None, None, 'Google Cloud, TPU v6e'),
    'TPU v5 lite': Peak(819, 197, None, None, 'Google Cloud, TPU v5e'),
    'TPU v5': Peak(2765, 459, None, None, 'Google Cloud, TPU v5p'),
    'TPU v4': Peak(1228, 275, None, None, 'Google Cloud, TPU v4'),
  }
)

# Of resnetv2_50x1_bit, images per second, in timm's `results/` tables.
TIMM = """\
timm's own published rows of `resnetv2_50x1_bit`, with AMP. They are timm's \
measurements, not made here:

| card | task | images/s at 224 px | images/s at 448 px |
|---|---|---|---|
| RTX 3090 | training | 587 | 149 |
| RTX 3090 | forward | 2,881 | 763 |
| RTX 4090 | forward, compiled | 5,786 | 1,430 |
| RTX 5090 | forward, compiled | 8,837 | 2,208 |
"""


def find(device: str) -> Peak | None:
  """Returns the peaks of a device, None if its name is not in the table.

  Names that differ from the table by a suffix, such as 'Ti' or 'A10G', are
  other cards.
  """
  for name, peak in PEAKS.items():
    if device == name or device.endswith(f' {name}'):
      return peak
    if device.startswith(f'{name}-') or f' {name}-' in device:
      return peak
  return None
