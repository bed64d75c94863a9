# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A forward pass on the CPU, beside that of transformers on PyTorch.

python -m benchmarks.inference --sizes 128x16 224x8 480x2
"""

from collections.abc import Callable

import jax
import numpy as np

from benchmarks import pairs
from benchmarks import peer
from bit_covid.base import devices
from bit_covid.inference import evaluate
from bit_covid.models import resnet_v2


def main() -> None:
  """Runs the sizes on the command line and reports them."""
  pairs.main(
    'inference',
    description=__doc__.splitlines()[0],
    ours=make_forward,
    peer=peer.make_forward,
  )


def make_forward(model: str, batch: int, side: int) -> Callable[[], None]:
  """Returns a function of one batch of an evaluation."""
  network = resnet_v2.create(model, num_classes=3)
  params = jax.jit(network.init)(
    jax.random.key(0), np.zeros((1, 64, 64, 1), np.float32)
  )['params']
  params = evaluate.prepare(devices.replicate(params))
  forward_fn = evaluate.make_forward(network)
  noise = np.random.default_rng(0)
  local_batch = devices.shard(
    {
      'image': noise.integers(0, 256, (batch, side, side, 1), np.uint8),
      'mask': np.ones(batch, bool),
      'index': np.arange(batch),
    }
  )

  def forward():
    devices.to_host(forward_fn(params, local_batch))

  return forward


if __name__ == '__main__':
  main()
