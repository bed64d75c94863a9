# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Checks of this project on a card, before any time is taken.

The references are `numpy_network`, which is float64 on the host, and the same
training on one card, or without an interruption.
"""

from collections.abc import Iterator
import functools
import tempfile
from typing import Any, NamedTuple

from etils import epath
import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks import numpy_network
from benchmarks import step as step_lib
from bit_covid.base import deterministic
from bit_covid.base import devices
from bit_covid.inference import evaluate
from bit_covid.models import resnet_v2
from bit_covid.training import checkpoints
from bit_covid.training import loss as loss_lib
from bit_covid.training import train_step

_MODEL, _SIDE = 'tiny', 32
_STEPS = 4
# Largest differences of logits, relative to the largest logit: some times the
# rounding of each precision.
_TOLERANCES = {'float32': 1e-4, 'tf32': 1e-2, 'bfloat16': 5e-2}


class Check(NamedTuple):
  """The result of a check; `passed` is None if it cannot be made here."""

  name: str
  passed: bool | None
  difference: float | None
  tolerance: float


def run() -> dict[str, Any]:
  """Returns the results, with deterministic operations on a GPU."""
  deterministic.enable()
  # Where there is no TF32, its logits would be those of float32.
  without = {'tf32'} if jax.default_backend() == 'cpu' else set()
  precisions = [x for x in _TOLERANCES if x not in without]
  checks = [*map(check_logits, precisions), *_training()]
  return {'checks': [check._asdict() for check in checks]}


def _check(name: str, difference: float, tolerance: float) -> Check:
  # A difference that is not a number has not passed.
  return Check(name, bool(difference <= tolerance), difference, tolerance)


def _batch() -> dict[str, np.ndarray]:
  size = 4 * jax.local_device_count()
  return {
    'image': step_lib.noise(size, _SIDE),
    'label': np.arange(size, dtype=np.int32) % 3,
    'mask': np.ones(size, bool),
    'index': np.arange(size),
  }


def check_logits(precision: str) -> Check:
  """Returns whether the logits of an evaluation are those of NumPy."""
  dtype = jnp.bfloat16 if precision == 'bfloat16' else jnp.float32
  network = resnet_v2.create(_MODEL, num_classes=3, dtype=dtype)
  params, batch = numpy_network.random_params(_MODEL), _batch()
  images = np.repeat(batch['image'] / 127.5 - 1, 3, axis=-1)
  expected = numpy_network.logits(params, images)
  with jax.default_matmul_precision(
    'tensorfloat32' if precision == 'tf32' else None
  ):
    standardized = evaluate.standardize(devices.replicate(params))
    forward = evaluate.make_forward(network)
    outputs = devices.to_host(forward(standardized, devices.shard(batch)))
  logits = outputs['logits'].reshape(expected.shape)
  difference = np.abs(logits - expected).max() / np.abs(expected).max()
  return _check(
    f'logits in {precision} against NumPy in float64',
    float(difference),
    _TOLERANCES[precision],
  )


def _gradient(loss: loss_lib.Loss, params: Any, gradient: Any) -> Check:
  """Returns whether a first step's gradient is that of float64 differences."""
  images, labels = loss.prepare(
    jax.tree.map(jnp.asarray, _batch()), jnp.zeros((), jnp.int32)
  )
  exact = functools.partial(
    _loss_in_float64,
    images=np.repeat(np.asarray(images, np.float64), 3, axis=-1),
    labels=np.asarray(labels, np.float64),
  )
  leaves, tree = jax.tree.flatten(params)
  generator = np.random.default_rng(0)
  # Small, so that hardly any ReLU or maximum turns over between the two points.
  step = 1e-7
  worst = 0.0
  for i, leaf in enumerate(jax.tree.leaves(gradient)):
    # Along a direction in which each value moves by the same amount.
    direction = generator.choice([-1.0, 1.0], leaf.shape)
    ahead, behind = (
      exact(jax.tree.unflatten(tree, [*leaves[:i], x, *leaves[i + 1 :]]))
      for x in (leaves[i] + step * direction, leaves[i] - step * direction)
    )
    leaf = np.asarray(leaf, np.float64)
    error = np.sum(leaf * direction) - (ahead - behind) / (2 * step)
    worst = max(worst, abs(error) / np.linalg.norm(leaf))
  return _check('gradients against float64 differences', float(worst), 1e-3)


def _loss_in_float64(params: Any, *, images, labels) -> float:
  logits = numpy_network.logits(params, images)
  largest = logits.max(axis=1, keepdims=True)
  log_sums = np.log(np.exp(logits - largest).sum(1, keepdims=True)) + largest
  return float(np.mean(np.sum(labels * (log_sums - logits), axis=1)))


def _training() -> Iterator[Check]:
  """Yields the checks of a short training with mixup."""
  everywhere = jax.local_devices()
  network = resnet_v2.create(_MODEL, num_classes=3)
  optimizer = step_lib.make_optimizer()
  params = numpy_network.random_params(_MODEL)
  # On the host, so that each training starts with its own copy.
  first = jax.tree.map(np.asarray, train_step.create_state(params, optimizer))

  step_fn = step_lib.make_step(network, optimizer)
  train = functools.partial(_train, step_fn=step_fn, num=len(everywhere))
  # The momenta after one step are its gradient.
  momenta = train(first, steps=1).opt_state
  loss = loss_lib.Loss(model=network, mixup_alpha=0.1, seed=0)
  yield _gradient(loss, params, optax.tree.get(momenta, 'trace'))
  whole = train(first, steps=_STEPS)
  name = f'{len(everywhere)} cards against one'
  if len(everywhere) > 1:
    alone = step_lib.make_step(network, optimizer, on_devices=everywhere[:1])
    on_one = _train(first, step_fn=alone, num=1, steps=_STEPS)
    # The momenta, as the first learning rates hardly move the parameters.
    difference = _difference(whole.opt_state, on_one.opt_state)
    yield _check(name, difference, 1e-3)
  else:
    yield Check(name, None, None, 1e-3)

  half = train(first, steps=_STEPS // 2)
  with tempfile.TemporaryDirectory() as folder:
    with checkpoints.Checkpoints(epath.Path(folder)) as saved:
      saved.save(_STEPS // 2, half)
    with checkpoints.Checkpoints(epath.Path(folder)) as saved:
      half = saved.restore(first)
  resumed = train(half, steps=_STEPS - _STEPS // 2)
  equal = jax.tree.map(np.array_equal, resumed, whole)
  different = sum(not x for x in jax.tree.leaves(equal))
  yield _check('arrays that a resumed training changes', different, 0)


def _train(state: Any, *, step_fn, num: int, steps: int) -> Any:
  """Returns the state after some steps on `num` cards, on the host."""
  state = jax.tree.map(np.copy, state)
  batch = {
    key: x.reshape(num, -1, *x.shape[1:])
    for key, x in _batch().items()
    if key in ('image', 'label')
  }
  for _ in range(steps):
    state, _ = step_fn(state, batch)
  return devices.to_host(state)


def _difference(actual: Any, expected: Any) -> float:
  """Returns the largest difference, relative to the norm of its array."""
  errors = jax.tree.map(
    lambda x, y: np.linalg.norm(x - y) / np.linalg.norm(y), actual, expected
  )
  return float(max(jax.tree.leaves(errors)))
