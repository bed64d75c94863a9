# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The least time that each operation of a compiled program can take."""

from collections.abc import Mapping, Sequence
import math
import re
from typing import NamedTuple

from benchmarks import hlo_traffic
from benchmarks.accelerator import peaks

_SIZES = re.compile(r'\[([\d,]*)\]')
_LABELS = re.compile(r'dim_labels=\w+_(\w+)->')
# Of XLA's own product, and of cuBLAS.
_CONTRACTED = re.compile(r'lhs_contracting_dim(?:s={|ensions":\[)([\d,"]*)')
# What cuDNN and cuBLAS need beside their result, which is not moved as a whole.
_WORKSPACE = re.compile(r', u?s?8\[\d+\]({[^}]*})?\)$')
_DILATED = re.compile(r'lhs_dilate=([\dx]+)')
_CALLED = re.compile(r'calls=(%[\w.\-]+)')


class Operation(NamedTuple):
  """An operation: bytes of the card's memory, and operations of products.

  `floor_ms` is the longer of the times that both take at the published speeds,
  None if they are not known.
  """

  name: str
  gigabytes: float
  gflop: float
  floor_ms: float | None


def operations(
  hlo: str, *, peak: peaks.Peak | None, precision: str
) -> list[Operation]:
  """Returns the operations of `compiled.as_text()`, the longest first.

  Only convolutions and matrix products count as operations; the others wait for
  memory. Loops, which accumulation would bring, are left out.
  """
  found = hlo_traffic.computations(hlo)
  speed = peak and getattr(peak, precision)
  buffers, lines = {}, []
  for match in found['ENTRY']:
    name, shape, operation, _ = match.groups()
    if operation == 'custom-call':
      shape = _WORKSPACE.sub(')', shape)
    buffers[name] = hlo_traffic.buffers(shape)
    if operation == 'while':
      continue
    num_bytes = hlo_traffic.of_instruction(match, buffers).hbm
    flops = _flops(match, _shapes(found['ENTRY']), found)
    # GB at GB/s are seconds, and GFLOP at TFLOP/s are milliseconds.
    floor = None
    if peak and (speed or not flops):
      floor = max(num_bytes / 1e6 / peak.bandwidth, flops / 1e9 / (speed or 1))
    if num_bytes:
      lines.append(Operation(name, num_bytes / 1e9, flops / 1e9, floor))
  return sorted(lines, key=lambda x: (x.floor_ms or 0, x[1]), reverse=True)


def _shapes(instructions: Sequence[re.Match]) -> dict[str, str]:
  return {x[1]: x[2] for x in instructions}


def _flops(
  match: re.Match,
  shapes: Mapping[str, str],
  computations: Mapping[str, Sequence[re.Match]],
) -> float:
  """Returns the operations of an instruction, and of those that it calls."""
  _, result, operation, rest = match.groups()
  names = hlo_traffic.operands(rest)
  if called := _CALLED.search(rest):
    inside = computations.get(called[1], ())
    return sum(_flops(x, _shapes(inside), computations) for x in inside)
  if operation == 'dot' or '__cublas$' in rest:
    factor = _sizes(shapes[names[0]])
    axes = _CONTRACTED.search(rest)[1].replace('"', '').split(',')
    return (
      2.0
      * math.prod(_sizes(result))
      * math.prod(factor[int(x)] for x in axes if x)
    )
  if operation != 'convolution' and '__cudnn$conv' not in rest:
    return 0.0
  output, kernel = _sizes(result), _sizes(shapes[names[1]])
  # cuDNN's gradients keep the names of the axes of the convolution itself.
  if '__cudnn$convBackwardInput' in rest:
    output = _sizes(shapes[names[0]])
  if '__cudnn$convBackwardFilter' in rest:
    output, kernel = kernel, output
  features = kernel[_LABELS.search(rest)[1].index('o')]
  dilated = _DILATED.search(rest)
  zeros = math.prod(map(int, dilated[1].split('x'))) if dilated else 1
  return 2.0 * math.prod(output) * math.prod(kernel) / features / zeros


def _sizes(shape: str) -> list[int]:
  """Returns the sizes of an array, of the first one of a tuple."""
  return [int(x) for x in _SIZES.search(shape)[1].split(',') if x]
