# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The training step that the benchmarks measure or compile."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from bit_covid.models import resnet_v2
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


def make_step(
  network: resnet_v2.ResNetV2,
  optimizer: optax.GradientTransformation,
  *,
  accumulation: int = 1,
  devices: Sequence[jax.Device] | None = None,
) -> Callable:
  """Returns the step that `bit_covid/training/train.py` runs, with mixup.

  Args:
    network: what is trained.
    optimizer: what updates its parameters.
    accumulation: number of parts that each device's batch is divided into.
    devices: what to compile for; None means all devices of this machine.
  """
  return train_step.make_train_step(
    network,
    optimizer,
    mixup_alpha=0.1,
    accumulation=accumulation,
    seed=0,
    on_devices=devices,
  )


def abstract_arguments(
  network: resnet_v2.ResNetV2,
  optimizer: optax.GradientTransformation,
  *,
  num_devices: int,
  batch: int,
  side: int,
) -> tuple[Any, dict[str, jax.ShapeDtypeStruct]]:
  """Returns shapes and dtypes of the step's state and batch, without arrays.

  Args:
    network: what is trained.
    optimizer: what updates its parameters.
    num_devices: leading axis of the batch.
    batch: images on each device.
    side: of the images, in pixels.
  """
  state = jax.eval_shape(
    lambda params: train_step.create_state(params, optimizer),
    resnet_v2.parameter_shapes(network),
  )
  leading = (num_devices, batch)
  images = jax.ShapeDtypeStruct((*leading, side, side, 1), jnp.uint8)
  labels = jax.ShapeDtypeStruct(leading, jnp.int32)
  return state, {'image': images, 'label': labels}
