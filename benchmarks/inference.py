# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A forward pass on the CPU, beside that of transformers on PyTorch.

python -m benchmarks.inference --sizes 128x16 224x8 480x2
"""

import argparse
from collections.abc import Callable
import os

import jax
import numpy as np
import torch

from benchmarks import pairs
from benchmarks import peer
from bit_covid import devices
from bit_covid import evaluate
from bit_covid import resnet_v2


def main() -> None:
  """Runs the sizes on the command line and reports them."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--model', default='R50x1', choices=resnet_v2.MODELS)
  parser.add_argument(
    '--sizes',
    nargs='+',
    default=['128x16', '224x8', '480x2'],
    help='px x batch',
  )
  parser.add_argument('--pairs', type=int, default=7)
  parser.add_argument(
    '--threads',
    type=int,
    # As many as XLA takes.
    default=len(os.sched_getaffinity(0)),
    help='of PyTorch; where others use the machine too, one, lest they spin',
  )
  parser.add_argument('--json', help='write the results to this file')
  flags = parser.parse_args()
  torch.set_num_threads(flags.threads)
  results = []
  for size in flags.sizes:
    side, batch = map(int, size.split('x'))
    results.append(
      {
        'benchmark': 'inference',
        'model': flags.model,
        'side': side,
        'batch': batch,
        **pairs.facts(flags.threads),
        **pairs.compare(
          make_forward(flags.model, batch, side),
          peer.make_forward(flags.model, batch, side),
          pairs=flags.pairs,
        ),
      }
    )
  pairs.report(results, flags.json)


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
