# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The training step that the benchmarks measure or compile."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from bit_covid.base import devices
from bit_covid.models import resnet_v2
from bit_covid.training import loss as loss_lib
from bit_covid.training import schedule
from bit_covid.training import train_step


def random_params(network: resnet_v2.ResNetV2) -> dict[str, Any]:
  """Returns random initial parameters, which do not depend on image size."""
  images = np.zeros((1, 64, 64, 1), np.float32)
  return jax.jit(network.init)(jax.random.key(0), images)['params']


def make_optimizer() -> optax.GradientTransformation:
  """Returns SGD with momentum and the paper's schedule of 10,000 steps."""
  rate = schedule.learning_rate(0.003, schedule.SCHEDULES['10k'])
  return optax.sgd(rate, momentum=0.9)


def replicated_state(
  network: resnet_v2.ResNetV2, optimizer: optax.GradientTransformation
) -> train_step.TrainState:
  """Returns the first state of a training, on all devices."""
  params = random_params(network)
  return devices.replicate(train_step.create_state(params, optimizer))


def noise(batch: int, side: int) -> np.ndarray:
  """Returns images of noise, uint8 `[batch, side, side, 1]`."""
  rng = np.random.default_rng(0)
  return rng.integers(0, 256, (batch, side, side, 1), np.uint8)


def make_step(
  network: resnet_v2.ResNetV2,
  optimizer: optax.GradientTransformation,
  *,
  accumulation: int = 1,
  on_devices: Sequence[jax.Device] | None = None,
) -> Callable:
  """Returns the step that `bit_covid/training/steps.py` runs, with mixup.

  The other arguments are those of `train_step.make_train_step`.
  """
  return train_step.make_train_step(
    loss_lib.Loss(model=network, mixup_alpha=0.1, seed=0),
    optimizer,
    accumulation=accumulation,
    on_devices=on_devices,
  )


def lower(
  network: resnet_v2.ResNetV2,
  optimizer: optax.GradientTransformation,
  *,
  on_devices: Sequence[jax.Device],
  batch: int,
  side: int,
  accumulation: int = 1,
) -> jax.stages.Lowered:
  """Returns the step for `batch` images of `side` pixels on each device."""
  step = make_step(
    network, optimizer, accumulation=accumulation, on_devices=on_devices
  )
  state = jax.eval_shape(
    lambda params: train_step.create_state(params, optimizer),
    resnet_v2.parameter_shapes(network),
  )
  leading = (len(on_devices), batch)
  images = jax.ShapeDtypeStruct((*leading, side, side, 1), jnp.uint8)
  labels = jax.ShapeDtypeStruct(leading, jnp.int32)
  return step.lower(state, {'image': images, 'label': labels})
