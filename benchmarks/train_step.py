# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Compares a training step on the CPU with that of transformers on PyTorch.

python -m benchmarks.train_step --sizes 128x16 224x8 480x2
"""

from collections.abc import Callable

import jax
import numpy as np

from benchmarks import peer
from benchmarks import side_by_side
from benchmarks import step as step_lib
from bit_covid.base import devices
from bit_covid.base import host_memory
from bit_covid.models import resnet_v2
from bit_covid.training import train_step


def main() -> None:
  """Runs the sizes given on the command line."""
  host_memory.keep_freed()  # As `bit_covid.main` does. PyTorch profits too.
  side_by_side.compare_with_peer(
    'train_step',
    description=__doc__.splitlines()[0],
    ours=make_step,
    peer=peer.make_train_step,
  )


def make_step(model: str, batch: int, side: int) -> Callable[[], None]:
  """Returns a function that runs the step of `bit_covid/training/train.py`.

  Args:
    model: name of the network, such as 'R50x1'.
    batch: number of images.
    side: of the images, in pixels.
  """
  network = resnet_v2.create(model, num_classes=3)
  optimizer = step_lib.make_optimizer()
  noise = np.random.default_rng(0)
  params = step_lib.random_params(network)
  state = devices.replicate(train_step.create_state(params, optimizer))
  step_fn = step_lib.make_step(network, optimizer)
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
