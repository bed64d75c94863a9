# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The loss against its formula in float64, and what guessing reaches."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize
import scipy.special

from bit_covid.models import resnet_v2
from bit_covid.training import loss as loss_lib

NETWORK = resnet_v2.ResNetV2(
  num_classes=3, size=resnet_v2.Size((1, 1), width=8, num_groups=4)
)
LABELS = np.array([0, 2, 2, 1], np.int32)
COUNTS = np.array([60, 30, 10])


def _loss(**fields):
  return loss_lib.Loss(model=NETWORK, mixup_alpha=0.0, seed=0, **fields)


@pytest.fixture(scope='module')
def params():
  """Parameters with a head that is not zero."""
  params = jax.jit(NETWORK.init)(jax.random.key(0), jnp.zeros((1, 32, 32, 1)))
  kernel = jax.random.normal(jax.random.key(1), (64, 3))
  return params['params'] | {'head': {'kernel': kernel, 'bias': jnp.zeros(3)}}


@pytest.fixture(scope='module')
def batch():
  images = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 1), np.uint8)
  return {'image': images, 'label': LABELS}


def _reference(params, batch, *, smoothing, weights):
  values = (batch['image'].astype(np.float32) - 127.5) / 127.5
  logits, _ = NETWORK.apply({'params': params}, values)
  log_p = scipy.special.log_softmax(np.asarray(logits, np.float64), axis=1)
  labels = (1 - smoothing) * np.eye(3)[batch['label']] + smoothing / 3
  return -np.mean(np.sum(np.asarray(weights) * labels * log_p, axis=1))


@pytest.mark.parametrize(
  ('smoothing', 'weights'),
  [(0.0, None), (0.2, None), (0.0, (0.5, 1.0, 3.0)), (0.2, (0.5, 1.0, 3.0))],
)
def test_value(params, batch, smoothing, weights):
  loss = _loss(label_smoothing=smoothing, class_weights=weights)
  actual = loss(params, *loss.prepare(batch, 0))
  expected = _reference(
    params, batch, smoothing=smoothing, weights=weights or (1, 1, 1)
  )
  np.testing.assert_allclose(actual, expected, rtol=1e-5)


def test_gradient_of_the_head_alone(params, batch):
  whole, head = (
    jax.grad(loss)(params, *loss.prepare(batch, 0))
    for loss in (_loss(), _loss(head_only=True))
  )
  for name, gradient in head.items():
    for x, y in zip(
      jax.tree.leaves(gradient), jax.tree.leaves(whole[name]), strict=True
    ):
      np.testing.assert_allclose(x, y if name == 'head' else 0 * y, rtol=1e-5)
      assert np.any(y)


def test_the_backward_pass_of_the_rest_is_left_out(params, batch):
  def flops(loss):
    gradient = jax.jit(jax.grad(loss))
    cost = gradient.lower(params, *loss.prepare(batch, 0)).compile()
    return cost.cost_analysis()['flops']

  assert flops(_loss(head_only=True)) < 0.5 * flops(_loss())


def test_balanced_weights_give_each_class_its_share():
  weights = np.array(loss_lib.balanced_weights(COUNTS))
  np.testing.assert_allclose(weights * COUNTS, np.full(3, 100 / 3))
  assert np.average(weights, weights=COUNTS) == pytest.approx(1)


@pytest.mark.parametrize('smoothing', [0.0, 0.3])
@pytest.mark.parametrize(
  'weights', [None, (0.5, 1.0, 3.0), loss_lib.balanced_weights(COUNTS)]
)
def test_guessing_is_the_best_that_constant_logits_reach(smoothing, weights):
  loss = _loss(label_smoothing=smoothing, class_weights=weights)
  shares = (1 - smoothing) * COUNTS / 100 + smoothing / 3
  mass = shares * np.asarray(weights or (1, 1, 1))

  def constant(logits):
    return -np.sum(mass * scipy.special.log_softmax(logits))

  best = scipy.optimize.minimize(constant, np.zeros(3), tol=1e-10).fun
  assert loss.of_guessing(COUNTS) == pytest.approx(best, abs=1e-6)


def test_guessing_without_slices_of_a_class():
  assert _loss().of_guessing(np.array([5, 5, 0])) == pytest.approx(np.log(2))
