# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The cost of runs before they start: steps, images and operations."""

from collections.abc import Iterable, Mapping
import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import ml_collections

from bit_covid.models import resnet_v2

# Forward passes of a training step: the backward pass has two products for each
# product of the forward pass, one for the gradient of each factor.
_TRAINING = 3


class Cost(NamedTuple):
  """The cost of one or several runs.

  `evaluated_images` are those of all evaluations. `operations` are
  floating-point operations; a multiplication and an addition are two.
  """

  runs: int
  steps: int
  train_images: int
  evaluated_images: int
  operations: float


def of(config: ml_collections.ConfigDict, sizes: Mapping[str, int]) -> Cost:
  """Returns the cost of a run, given the number of slices of each split."""
  steps = config.schedule[-1]
  train_images = steps * config.batch
  evaluated = sum(sizes[split] for split in config.final_splits)
  if config.eval_every:
    # The training loop also evaluates after the last step.
    times = -(-steps // config.eval_every)
    evaluated += times * sizes[config.eval_split]
  operations = forward_operations(config.model.name, config.data.crop) * (
    _TRAINING * train_images + evaluated
  )
  return Cost(1, steps, train_images, evaluated, operations)


def total(costs: Iterable[Cost]) -> Cost:
  """Returns the sum of costs."""
  columns = list(zip(*costs, strict=True)) or [()] * len(Cost._fields)
  return Cost(*map(sum, columns))


def seconds(
  operations: float, *, images_per_second: float, model_name: str, crop: int
) -> float:
  """Returns the seconds that operations take at a measured training speed.

  A run prints its speed. It is that of the network `model_name` on images of
  `crop` pixels a side.
  """
  speed = images_per_second * _TRAINING * forward_operations(model_name, crop)
  return operations / speed


@functools.cache
def forward_operations(model_name: str, crop: int) -> float:
  """Returns the operations of a forward pass of one image of crop² pixels.

  XLA counts them in the program before it is compiled.
  """
  network = resnet_v2.create(model_name, num_classes=3)
  shapes = resnet_v2.parameter_shapes(network)
  image = jax.ShapeDtypeStruct((1, crop, crop, 1), jnp.float32)
  lowered = jax.jit(network.apply).lower({'params': shapes}, image)
  return float(lowered.cost_analysis()['flops'])
