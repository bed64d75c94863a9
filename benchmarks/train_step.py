# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A training step on the CPU, beside that of transformers on PyTorch.

python -m benchmarks.train_step --sizes 128x16 224x8 480x2
"""

import argparse
from collections.abc import Callable
import os

import jax
import numpy as np
import optax
import torch

from benchmarks import pairs
from benchmarks import peer
from bit_covid import devices
from bit_covid import resnet_v2
from bit_covid import schedule
from bit_covid import train_step


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
        'benchmark': 'train_step',
        'model': flags.model,
        'side': side,
        'batch': batch,
        **pairs.facts(flags.threads),
        **pairs.compare(
          make_step(flags.model, batch, side),
          peer.make_train_step(flags.model, batch, side),
          pairs=flags.pairs,
        ),
      }
    )
  pairs.report(results, flags.json)


def make_step(model: str, batch: int, side: int) -> Callable[[], None]:
  """Returns a function of one step, as `train.py` makes it."""
  network = resnet_v2.create(model, num_classes=3)
  rate = schedule.learning_rate(0.003, schedule.SCHEDULES['10k'])
  optimizer = optax.sgd(rate, momentum=0.9)
  noise = np.random.default_rng(0)
  params = jax.jit(network.init)(
    jax.random.key(0), np.zeros((1, 64, 64, 1), np.float32)
  )['params']
  state = devices.replicate(train_step.create_state(params, optimizer))
  step_fn = train_step.make_train_step(
    network, optimizer, mixup_alpha=0.1, accumulation=1, seed=0
  )
  local_batch = devices.shard(
    {
      'image': noise.integers(0, 256, (batch, side, side, 1), np.uint8),
      'label': np.arange(batch, dtype=np.int32) % 3,
    }
  )

  def step():
    nonlocal state
    state = jax.block_until_ready(step_fn(state, local_batch))

  return step


if __name__ == '__main__':
  main()
