# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Compares a forward pass on the CPU with that of transformers on PyTorch.

python -m benchmarks.inference --sizes 128x16 224x8 480x2
"""

from collections.abc import Callable

import numpy as np

from benchmarks import peer
from benchmarks import step
from bit_covid.base import devices
from bit_covid.inference import evaluate
from bit_covid.models import resnet_v2


def main() -> None:
  """Runs the sizes given on the command line."""
  peer.compare(
    'inference',
    description=__doc__.splitlines()[0],
    ours=make_forward,
    peer=peer.make_forward,
  )


def make_forward(model: str, batch: int, side: int) -> Callable[[], None]:
  """Returns a function that runs an evaluation's forward pass on one batch."""
  network = resnet_v2.create(model, num_classes=3)
  params = evaluate.standardize(devices.replicate(step.random_params(network)))
  forward_fn = evaluate.make_forward(network)
  local_batch = devices.shard(
    {
      'image': step.noise(batch, side),
      'mask': np.ones(batch, bool),
      'index': np.arange(batch),
    }
  )
  return lambda: devices.to_host(forward_fn(params, local_batch))


if __name__ == '__main__':
  main()
