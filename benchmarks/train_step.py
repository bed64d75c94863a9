# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Compares a training step on the CPU with that of transformers on PyTorch.

python -m benchmarks.train_step --sizes 128x16 224x8 480x2

`peer` compares the two, `turns` measures them.
"""

from collections.abc import Callable

import jax
import numpy as np

from benchmarks import peer
from benchmarks import step as step_lib
from bit_covid.base import devices
from bit_covid.base import host_memory
from bit_covid.models import resnet_v2


def main() -> None:
  """Runs the sizes given on the command line."""
  host_memory.keep_freed()  # As `bit_covid.main` does. PyTorch profits too.
  peer.compare(
    'train_step',
    description=__doc__.splitlines()[0],
    ours=make_step,
    peer=peer.make_train_step,
  )


def make_step(model: str, batch: int, side: int) -> Callable[[], None]:
  """Returns a function that runs the step of `bit_covid/training/steps.py`."""
  network = resnet_v2.create(model, num_classes=3)
  optimizer = step_lib.make_optimizer()
  state = step_lib.replicated_state(network, optimizer)
  step_fn = step_lib.make_step(network, optimizer)
  labels = np.arange(batch, dtype=np.int32) % 3
  local_batch = devices.shard(
    {'image': step_lib.noise(batch, side), 'label': labels}
  )

  def step():
    nonlocal state
    state, _ = jax.block_until_ready(step_fn(state, local_batch))

  return step


if __name__ == '__main__':
  main()
