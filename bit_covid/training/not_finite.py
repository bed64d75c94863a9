# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Finds the layer in which a training step stops being finite.

Such a step is computed a second time, layer by layer. So each update waits for
the one before, which makes a training slower: it is for a run that diverged.
"""

from collections.abc import Callable, Mapping
import math
from typing import Any

from flax import traverse_util
import jax
import numpy as np

from bit_covid.base import devices
from bit_covid.training import loss as loss_lib
from bit_covid.training import train_step

_UpdateFn = Callable[
  [train_step.TrainState, Mapping[str, jax.Array]],
  tuple[train_step.TrainState, jax.Array],
]


def checked(update: _UpdateFn, loss: loss_lib.Loss) -> _UpdateFn:
  """Returns the update such that it fails where its gradient is not finite.

  Args:
    update: what `train_step.make_train_step` returns.
    loss: the loss that it minimizes.

  Raises:
    FloatingPointError: by the function that is returned. The message names the
      layer.
  """

  def checked_update(state, batch):
    # Copied, as the update takes the memory of the state.
    before = devices.to_host(state)
    state, gradient_norm = update(state, batch)
    if not math.isfinite(devices.to_host(gradient_norm)):
      place = locate(loss, before, jax.device_get(batch))
      raise FloatingPointError(
        f'In step {int(state.step):,}, the first numbers that are NaN or '
        f'infinite are in {place}.'
      )
    return state, gradient_norm

  return checked_update


def locate(
  loss: loss_lib.Loss,
  state: train_step.TrainState,
  batch: Mapping[str, np.ndarray],
) -> str:
  """Returns what is first not finite in a step, such as 'the output of root'.

  Outputs of layers are looked at in their order, then gradients in the order of
  the backward pass.

  Args:
    loss: the loss of the step.
    state: the state before the step, NumPy arrays.
    batch: this host's batch, `[local_devices, per_device, ...]`.
  """
  parts = [
    {key: value[i] for key, value in batch.items()}
    for i in range(len(batch['image']))
  ]
  layers = []
  for part in parts:
    outputs = _outputs(loss, state, part)
    layers = list(outputs)
    for layer, output in outputs.items():
      if not _is_finite(output):
        return f'the output of {layer}'
  for part in parts:
    images, labels = loss.prepare(part, state.step)
    gradients = jax.grad(loss)(state.params, images, labels)
    by_layer = traverse_util.flatten_dict(gradients, sep='/')
    for layer in reversed(layers):
      for name, gradient in by_layer.items():
        if name.rpartition('/')[0] == layer and not _is_finite(gradient):
          return f'the gradient of {name}'
  return 'the square of a gradient, or in slices of another host'


def _outputs(
  loss: loss_lib.Loss,
  state: train_step.TrainState,
  batch: Mapping[str, np.ndarray],
) -> dict[str, Any]:
  """Returns what each layer computes, by its name, in the order of layers."""
  images, _ = loss.prepare(batch, state.step)
  _, collected = loss.model.apply(
    {'params': state.params},
    images,
    capture_intermediates=True,
    mutable='intermediates',
  )
  outputs = traverse_util.flatten_dict(collected['intermediates'])
  # The last part of a name is that of the method; the whole network has no
  # other.
  return {
    '/'.join(path[:-1]): output
    for path, output in outputs.items()
    if len(path) > 1
  }


def _is_finite(tree: Any) -> bool:
  return all(np.isfinite(np.float32(x)).all() for x in jax.tree.leaves(tree))
