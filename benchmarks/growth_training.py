# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Measures what classes, devices and pixels cost a training, for `growth`.

The devices are simulated on the CPU and share its cores, so the time of a step
is that of all of them. What one device computes and holds is counted in the
compiled program.
"""

import statistics
import tempfile
import time
from typing import Any

from etils import epath
import jax
import numpy as np

from benchmarks import step as step_lib
from benchmarks import turns
from bit_covid.base import devices as devices_lib
from bit_covid.models import resnet_v2
from bit_covid.training import checkpoints

_PER_DEVICE = 2


def measure(
  *, classes: int = 3, devices: int = 1, side: int = 64, steps: int = 8
) -> dict[str, Any]:
  """Returns seconds of processor time and megabytes of the tiny network.

  A start draws the parameters and compiles. JAX must have `devices` devices.
  """
  before = turns.peak_megabytes()
  begun = time.process_time()
  network = resnet_v2.create('tiny', num_classes=classes)
  optimizer = step_lib.make_optimizer()
  state = step_lib.replicated_state(network, optimizer)
  images = step_lib.noise(devices * _PER_DEVICE, side)
  labels = np.arange(len(images), dtype=np.int32) % classes
  batch = devices_lib.shard({'image': images, 'label': labels})
  step = step_lib.make_step(network, optimizer).lower(state, batch).compile()
  state, _ = jax.block_until_ready(step(state, batch))
  start = time.process_time() - begun
  core = []
  for _ in range(steps):
    begun = time.process_time()
    state, _ = jax.block_until_ready(step(state, batch))
    core.append(time.process_time() - begun)
  return {
    'start s': start,
    'step ms': 1000 * statistics.median(core),
    'peak MB': turns.peak_megabytes() - before,
    'device GFLOP': step.cost_analysis()['flops'] / 1e9,
    'device MB': step.memory_analysis().temp_size_in_bytes / 1e6,
    **_checkpoint(devices_lib.to_host(state)),
  }


def _checkpoint(state: Any) -> dict[str, float]:
  # Of noise, as the zeros of a new head would be compressed to nothing.
  noise = np.random.default_rng(0).normal
  state = jax.tree.map(lambda x: noise(size=x.shape).astype(x.dtype), state)
  with tempfile.TemporaryDirectory() as folder:
    workdir = epath.Path(folder)
    begun = time.process_time()
    with checkpoints.Checkpoints(workdir) as saved:
      saved.save(1, state)
    save = time.process_time() - begun
    size = turns.megabytes_in(workdir)
    begun = time.process_time()
    with checkpoints.Checkpoints(workdir) as saved:
      saved.restore(state)
    restore = time.process_time() - begun
  return {'saved MB': size, 'save s': save, 'restore s': restore}
