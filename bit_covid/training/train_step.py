# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""One step of training: loss, gradient, update, on all devices at once."""

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
  """All that a run needs to go on.

  Attributes:
    step: int32, number of updates so far.
    params: parameter tree, float32.
    opt_state: of optax.
    loss_sum: float32, sum of the losses since the last measurement. A part of
      the state, so that a run which resumes between two measurements reports
      what an uninterrupted one does.
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
  """Returns `step(state, batch)` -> state, compiled for all devices.

  The state is donated. The leaves of the batch are `[devices, per_device,
  ...]`, of this host's devices; `image` and `label` are used.

  Args:
    model: the network.
    optimizer: as in `create_state`.
    mixup_alpha: 0 for no mixup.
    accumulation: number of parts of a device's batch, one after the other.
    seed: of the mixing weights.
    on_devices: None for all; others may be of a machine that is not here, for
      which the step can be compiled and not run.
  """
  step = functools.partial(
    _train_step,
    model=model,
    optimizer=optimizer,
    mixup_alpha=mixup_alpha,
    accumulation=accumulation,
    seed=seed,
  )
  return jax.pmap(
    step,
    axis_name=devices.AXIS,
    in_axes=(None, 0),
    out_axes=None,
    donate_argnums=0,
    devices=on_devices,
  )


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
  images = normalize.to_model_range(batch['image'])
  labels = jax.nn.one_hot(batch['label'], model.num_classes)
  if mixup_alpha:
    # The same weight on every device: the key does not depend on it.
    key = jax.random.fold_in(jax.random.key(seed), state.step)
    weight = mixup.draw_weight(key, mixup_alpha)
    images, labels = mixup.mix(images, weight), mixup.mix(labels, weight)

  def loss_fn(params, images, labels):
    logits, _ = model.apply({'params': params}, images)
    return jnp.mean(optax.softmax_cross_entropy(logits, labels))

  loss, grads = _accumulate(
    jax.value_and_grad(loss_fn), state.params, images, labels, accumulation
  )
  # Without this mean each device would go its own way, and nothing would say
  # so: pmap takes the first device's word for a result that all should share.
  loss, grads = _mean_over_devices((loss, grads))
  updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
  return TrainState(
    step=state.step + 1,
    params=optax.apply_updates(state.params, updates),
    opt_state=opt_state,
    loss_sum=state.loss_sum + loss,
  )


def _mean_over_devices(tree):
  if jax.lax.axis_size(devices.AXIS) == 1:
    # On a CPU XLA would copy all gradients by one thread: 11 ms for R50x1.
    return tree
  return jax.lax.pmean(tree, devices.AXIS)


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
