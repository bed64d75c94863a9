# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A training step on the CPU, beside that of transformers on PyTorch.

python -m benchmarks.train_step --sizes 128x16 224x8 480x2
"""

from collections.abc import Callable

import jax
import numpy as np
import optax

from benchmarks import pairs
from benchmarks import peer
from bit_covid.base import devices
from bit_covid.base import host_memory
from bit_covid.models import resnet_v2
from bit_covid.training import schedule
from bit_covid.training import train_step


def main() -> None:
  """Runs the sizes on the command line and reports them."""
  host_memory.keep_freed()  # As `bit_covid.main` does; for PyTorch as well.
  pairs.main(
    'train_step',
    description=__doc__.splitlines()[0],
    ours=make_step,
    peer=peer.make_train_step,
  )


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
