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
from bit_covid.models import normalize
from bit_covid.models import resnet_v2
from bit_covid.training import mixup


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
  model: resnet_v2.ResNetV2,
  optimizer: optax.GradientTransformation,
  *,
  mixup_alpha: float,
  accumulation: int,
  seed: int,
  on_devices: Sequence[jax.Device] | None = None,
) -> Callable[[TrainState, Mapping[str, jax.Array]], TrainState]:
  """Returns `step(state, batch)`, which returns the state after one update.

  The state is donated. Batch arrays are `[local_devices, per_device, ...]`.
  Only `image` (uint8 `[..., S, S, 1]`) and `label` (int32) are read.

  Args:
    model: the network.
    optimizer: the one that `create_state` was given.
    mixup_alpha: parameter of mixup's Beta distribution; 0 for no mixup.
    accumulation: number of equal parts of a device's batch, whose gradients are
      computed one after the other.
    seed: seed of the mixup weights.
    on_devices: devices to compile for; None means all. For a machine that is
      not attached, the step compiles but cannot run.
  """
  step = functools.partial(
    _train_step,
    model=model,
    optimizer=optimizer,
    mixup_alpha=mixup_alpha,
    accumulation=accumulation,
    seed=seed,
  )
  return devices.data_parallel(step, donate_first=True, on_devices=on_devices)


def _train_step(
  state: TrainState,
  batch: Mapping[str, jax.Array],
  *,
  model: resnet_v2.ResNetV2,
  optimizer: optax.GradientTransformation,
  mixup_alpha: float,
  accumulation: int,
  seed: int,
) -> TrainState:
  """Returns the state after one update, on one device with its batch."""
  images = normalize.to_model_range(batch['image'])
  labels = jax.nn.one_hot(batch['label'], model.num_classes)
  if mixup_alpha:
    # The key does not depend on the device: all devices draw the same weight.
    key = jax.random.fold_in(jax.random.key(seed), state.step)
    weight = mixup.draw_weight(key, mixup_alpha)
    images, labels = mixup.mix(images, weight), mixup.mix(labels, weight)

  def loss_fn(params, images, labels):
    logits, _ = model.apply({'params': params}, images)
    return jnp.mean(optax.softmax_cross_entropy(logits, labels))

  loss, grads = _accumulate(
    jax.value_and_grad(loss_fn), state.params, images, labels, accumulation
  )
  # Without this mean the replicas would diverge silently, because the first
  # device's result is returned unchecked.
  loss, grads = devices.mean_over_devices((loss, grads))
  updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
  return TrainState(
    step=state.step + 1,
    params=optax.apply_updates(state.params, updates),
    opt_state=opt_state,
    loss_sum=state.loss_sum + loss,
  )


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
