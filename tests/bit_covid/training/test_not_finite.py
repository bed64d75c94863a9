# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The layer that is named is the one that was broken."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from bit_covid.base import devices
from bit_covid.models import resnet_v2
from bit_covid.training import loss as loss_lib
from bit_covid.training import not_finite
from bit_covid.training import train_step

NETWORK = resnet_v2.ResNetV2(
  num_classes=3, size=resnet_v2.Size((1, 1), width=8, num_groups=4)
)
LOSS = loss_lib.Loss(model=NETWORK, mixup_alpha=0.1, seed=0)


@pytest.fixture(scope='module')
def params():
  images = jnp.zeros((1, 32, 32, 1))
  return jax.jit(NETWORK.init)(jax.random.key(0), images)['params']


def _batch():
  generator = np.random.default_rng(0)
  count = jax.local_device_count()
  return {
    'image': generator.integers(0, 256, (count, 2, 32, 32, 1), np.uint8),
    'label': generator.integers(0, 3, (count, 2), np.int32),
  }


def _with_infinity(params, *path):
  """Returns the parameters with one number infinite at the path."""
  first, *rest = path
  if rest:
    return {**params, first: _with_infinity(params[first], *rest)}
  return {**params, first: params[first].at[..., 0].set(jnp.inf)}


@pytest.mark.parametrize(
  ('path', 'layer'),
  [
    (('root', 'kernel'), 'root'),
    (('block1', 'unit01', 'gn2', 'bias'), 'block1/unit01/gn2'),
    (('block2', 'unit01', 'conv_proj', 'kernel'), 'block2/unit01/conv_proj'),
    (('norm', 'scale'), 'norm'),
    (('head', 'bias'), 'head'),
  ],
)
def test_layer_is_named(params, path, layer):
  optimizer = optax.sgd(0.1)
  state = train_step.create_state(_with_infinity(params, *path), optimizer)
  assert not_finite.locate(LOSS, state, _batch()) == f'the output of {layer}'


def test_gradient_is_named_if_all_outputs_are_finite(params):
  # The head passes back the difference of two columns, which overflows.
  columns = jnp.array([3e38, -3e38, -3e38])
  params = {
    **params,
    'norm': {'scale': jnp.zeros(64), 'bias': jnp.full(64, 1e-30)},
    'head': {'kernel': jnp.tile(columns, (64, 1)), 'bias': jnp.zeros(3)},
  }
  state = train_step.create_state(params, optax.sgd(0.1))
  place = not_finite.locate(LOSS, state, _batch())
  assert place.startswith('the gradient of norm/')


def test_checked_update_fails_in_the_step_and_is_otherwise_the_same(params):
  optimizer = optax.sgd(0.1)
  update = train_step.make_train_step(LOSS, optimizer, accumulation=1)
  checked = not_finite.checked(update, LOSS)
  batch = devices.shard(
    {
      key: value.reshape(-1, *value.shape[2:])
      for key, value in _batch().items()
    }
  )

  def state(tree):
    return devices.replicate(train_step.create_state(tree, optimizer))

  expected, expected_norm = update(state(params), batch)
  found, norm = checked(state(params), batch)
  jax.tree.map(np.testing.assert_array_equal, found, expected)
  assert float(norm) == float(expected_norm)
  broken = _with_infinity(params, 'norm', 'bias')
  with pytest.raises(FloatingPointError, match=r'step 1, .* output of norm'):
    checked(state(broken), batch)
