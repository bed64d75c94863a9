# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""One training step: loss, gradient and update, on all devices at once."""

from collections.abc import Callable, Mapping, Sequence
import functools
from typing import Any

from flax import struct
import jax
import jax.numpy as jnp
import optax

from bit_covid.base import devices
from bit_covid.training import loss as loss_lib


class TrainState(struct.PyTreeNode):
  """The state that a run saves and resumes from.

  Attributes:
    step: int32 scalar, number of updates so far.
    params: parameter tree, float32.
    opt_state: state of the optax optimizer.
    loss_sum: float32 scalar, sum of the losses since the last measurement. It
      is part of the state so that a run that resumes between two measurements
      logs the same loss as an uninterrupted one.
  """

  step: jax.Array
  params: Mapping[str, Any]
  opt_state: optax.OptState
  loss_sum: jax.Array


def create_state(
  params: Mapping[str, Any], optimizer: optax.GradientTransformation
) -> TrainState:
  """Returns the state before the first step."""
  return TrainState(
    step=jnp.zeros((), jnp.int32),
    params=params,
    opt_state=optimizer.init(params),
    loss_sum=jnp.zeros((), jnp.float32),
  )


def make_train_step(
  loss: loss_lib.Loss,
  optimizer: optax.GradientTransformation,
  *,
  accumulation: int,
  on_devices: Sequence[jax.Device] | None = None,
) -> Callable[
  [TrainState, Mapping[str, jax.Array]], tuple[TrainState, jax.Array]
]:
  """Returns `step(state, batch)`: the state after an update, its gradient norm.

  The norm is a float32 scalar, the L2 norm of the gradient over all parameters.
  The state is donated. Batch arrays are `[local_devices, per_device, ...]`.
  Only `image` (uint8 `[..., S, S, 1]`) and `label` (int32) are read.

  Args:
    loss: what is minimized.
    optimizer: the one that `create_state` was given.
    accumulation: number of equal parts of a device's batch, whose gradients are
      computed one after the other.
    on_devices: devices to compile for; None means all. For a machine that is
      not attached, the step compiles but cannot run.
  """
  step = functools.partial(
    _train_step, loss=loss, optimizer=optimizer, accumulation=accumulation
  )
  return devices.data_parallel(step, donate_first=True, on_devices=on_devices)


def _train_step(
  state: TrainState,
  batch: Mapping[str, jax.Array],
  *,
  loss: loss_lib.Loss,
  optimizer: optax.GradientTransformation,
  accumulation: int,
) -> tuple[TrainState, jax.Array]:
  """Returns new state and gradient norm, on one device with its batch."""
  images, labels = loss.prepare(batch, state.step)
  value, grads = _accumulate(
    jax.value_and_grad(loss), state.params, images, labels, accumulation
  )
  # Without this mean the replicas would diverge silently, because the first
  # device's result is returned unchecked.
  value, grads = devices.mean_over_devices((value, grads))
  updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
  new_state = TrainState(
    step=state.step + 1,
    params=optax.apply_updates(state.params, updates),
    opt_state=opt_state,
    loss_sum=state.loss_sum + value,
  )
  return new_state, optax.tree.norm(grads)


def _accumulate(value_and_grad, params, images, labels, parts: int):
  """Returns mean loss and gradient over `parts` equal parts of the batch."""
  if parts == 1:
    return value_and_grad(params, images, labels)
  images, labels = (
    x.reshape(parts, x.shape[0] // parts, *x.shape[1:])
    for x in (images, labels)
  )

  def add_part(total, part):
    return jax.tree.map(jnp.add, total, value_and_grad(params, *part)), None

  zeros = jax.tree.map(jnp.zeros_like, (jnp.zeros((), jnp.float32), params))
  total, _ = jax.lax.scan(add_part, zeros, (images, labels))
  return jax.tree.map(lambda x: x / parts, total)
