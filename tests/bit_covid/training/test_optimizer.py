# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The optimizers against their formulas in float64."""

import jax
import numpy as np
import optax
import pytest

from bit_covid.training import optimizer
from configs import common

STEPS = 4


def _config(**fields):
  config = common.get_config()
  config.schedule, config.learning_rate = (2, 3, 5), 0.1
  config.update(fields)
  return config


def _tree(seed):
  generator = np.random.default_rng(seed)
  shapes = {
    'root': {'kernel': (3, 3, 1, 2)},
    'norm': {'scale': (2,), 'bias': (2,)},
    'head': {'kernel': (2, 3), 'bias': (3,)},
  }
  return jax.tree.map(
    lambda shape: generator.normal(size=shape).astype(np.float32),
    shapes,
    is_leaf=lambda x: isinstance(x, tuple),
  )


def _train(config, gradients):
  made, rate = optimizer.make(config)
  params = _tree(0)
  state = made.init(params)
  # optax's Adam raises a float to the power of an integer.
  with jax.numpy_dtype_promotion('standard'):
    for gradient in gradients:
      updates, state = made.update(gradient, state, params)
      params = optax.apply_updates(params, updates)
  return params, state, [float(rate(step)) for step in range(STEPS)]


def _assert_close(actual, expected):
  jax.tree.map(
    lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-6),
    actual,
    expected,
  )


def test_sgd():
  gradients = [_tree(seed) for seed in range(1, STEPS + 1)]
  actual, _, rates = _train(_config(), gradients)
  np.testing.assert_allclose(rates, [0, 0.05, 0.1, 0.1], rtol=1e-6)

  def reference(param, *gradients):
    param, velocity = param.astype(np.float64), 0.0
    for rate, gradient in zip(rates, gradients, strict=True):
      velocity = 0.9 * velocity + gradient
      param = param - rate * velocity
    return param

  _assert_close(actual, jax.tree.map(reference, _tree(0), *gradients))


def test_adamw_decays_kernels_only():
  # Loshchilov and Hutter, "Decoupled Weight Decay Regularization", Algorithm 2.
  gradients = [_tree(seed) for seed in range(1, STEPS + 1)]
  config = _config(optimizer='adamw', weight_decay=0.05, momentum=0.8)
  actual, _, rates = _train(config, gradients)

  def reference(param, *gradients):
    decay = 0.05 if param.ndim > 1 else 0.0
    param, mean, square = param.astype(np.float64), 0.0, 0.0
    for step, (rate, gradient) in enumerate(zip(rates, gradients, strict=True)):
      mean = 0.8 * mean + 0.2 * gradient
      square = 0.999 * square + 0.001 * np.square(gradient, dtype=np.float64)
      update = mean / (1 - 0.8 ** (step + 1))
      update /= np.sqrt(square / (1 - 0.999 ** (step + 1))) + 1e-8
      param = param - rate * (update + decay * param)
    return param

  _assert_close(actual, jax.tree.map(reference, _tree(0), *gradients))


@pytest.mark.parametrize('name', optimizer.OPTIMIZERS)
def test_head_alone(name):
  decay = {'weight_decay': 0.05} if name == 'adamw' else {}
  config = _config(optimizer=name, **decay)
  gradients = [
    {
      key: value if key == 'head' else jax.tree.map(np.zeros_like, value)
      for key, value in _tree(seed).items()
    }
    for seed in range(1, STEPS + 1)
  ]
  whole, _, _ = _train(config, gradients)
  config.train_head_only = True
  head, state, _ = _train(config, gradients)
  _assert_close(head['head'], whole['head'])
  for name in ('root', 'norm'):
    jax.tree.map(np.testing.assert_array_equal, head[name], _tree(0)[name])
  # The others have no state, which a checkpoint would hold.
  shapes = {x.shape for x in jax.tree.leaves(state)}
  assert (2, 3) in shapes
  assert (3, 3, 1, 2) not in shapes


@pytest.mark.parametrize('name', optimizer.OPTIMIZERS)
def test_number_of_moments(name):
  made, _ = optimizer.make(_config(optimizer=name))
  kernels = [
    x for x in jax.tree.leaves(made.init(_tree(0))) if x.shape == (3, 3, 1, 2)
  ]
  assert len(kernels) == optimizer.NUM_MOMENTS[name]
