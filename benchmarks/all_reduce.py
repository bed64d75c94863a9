# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Compares a step on several TPU chips with the sum of their gradients.

    python -m benchmarks.all_reduce --kind=v5e --step_ms=17.9

Nothing is measured. Each chip has to send the gradient 2 (n - 1) / n times,
whatever the algorithm, and the chip with the fewest links limits how fast.
"""

import argparse
from collections.abc import Mapping, Sequence
import types
from typing import Any, NamedTuple

from benchmarks import turns
from bit_covid.models import resnet_v2


class Network(NamedTuple):
  """The links between the chips of a kind, as published by Google Cloud."""

  # GB/s of a link in one direction.
  link: float
  # Axes of a multiple of it are rings, with three axes only if all of them are.
  wraps: int
  # The sizes of the axes for 8, 16, 32, 64, 128 and 256 chips.
  slices: Sequence[tuple[int, ...]]


_FLAT = ((2, 4), (4, 4), (4, 8), (8, 8), (8, 16), (16, 16))
_CUBIC = ((2, 2, 2), (2, 2, 4), (2, 4, 4), (4, 4, 4), (4, 4, 8), (4, 8, 8))
NETWORKS: Mapping[str, Network] = types.MappingProxyType(
  {
    'v4': Network(50, 4, _CUBIC),
    'v5e': Network(50, 16, _FLAT),
    'v5p': Network(100, 4, _CUBIC),
    'v6e': Network(100, 16, _FLAT),
  }
)


def main() -> None:
  """Prints a line for each number of chips."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--kind', default='v5e', choices=NETWORKS)
  parser.add_argument('--model', default='R50x1', choices=resnet_v2.MODELS)
  parser.add_argument(
    '--step_ms', type=float, required=True, help='of one chip, alone'
  )
  turns.add_json_flag(parser)
  flags = parser.parse_args()
  model = resnet_v2.create(flags.model, num_classes=3)
  shapes = resnet_v2.parameter_shapes(model)
  # Gradients are summed in float32.
  gradient = 4e-9 * resnet_v2.parameter_count(shapes)
  network = NETWORKS[flags.kind]
  result = {
    'x'.join(map(str, axes)): cost(
      network, axes, gradient=gradient, step_ms=flags.step_ms
    )
    for axes in network.slices
  }
  turns.report(result, flags.json)


def cost(
  network: Network, axes: tuple[int, ...], *, gradient: float, step_ms: float
) -> dict[str, Any]:
  """Returns what a slice of a pod takes for the sum, at least.

  Args:
    network: of the chips.
    axes: chips along each axis.
    gradient: GB.
    step_ms: of one chip, alone.
  """
  chips, links = 1, 0
  whole = len(axes) == 2 or all(size % network.wraps == 0 for size in axes)
  for size in axes:
    chips *= size
    is_ring = whole and size % network.wraps == 0
    # At the end of a line, a chip has one neighbour.
    links += 2 if is_ring else size > 1
  sent = 2 * (chips - 1) / chips * gradient
  least = 1000 * sent / (links * network.link)
  return {
    'chips': chips,
    'links': links,
    'GB sent': sent,
    'ms': least,
    'of the step': least / step_ms,
  }


if __name__ == '__main__':
  main()
