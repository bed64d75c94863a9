# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Mixup against its definition."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bit_covid.training import mixup


def test_neighbours_are_mixed_under_one_weight():
  x = np.random.default_rng(0).normal(size=(6, 4, 4, 1)).astype(np.float32)
  weight = 0.3
  mixed = mixup.mix(jnp.asarray(x), jnp.float32(weight))
  partners = [1, 0, 3, 2, 5, 4]
  for i, partner in enumerate(partners):
    np.testing.assert_allclose(
      mixed[i], weight * x[i] + (1 - weight) * x[partner], rtol=1e-5, atol=1e-6
    )


def test_two_halves_are_mixed_as_the_whole():
  x = jnp.arange(8 * 3, dtype=jnp.float32).reshape(8, 3)
  weight = jnp.float32(0.2)
  halves = [mixup.mix(half, weight) for half in (x[:4], x[4:])]
  np.testing.assert_array_equal(jnp.concatenate(halves), mixup.mix(x, weight))


def test_loss_of_mixed_labels_is_the_mixed_loss():
  # What BiT's PyTorch trainer does instead, and the paper's y_a and y_b.
  generator = np.random.default_rng(0)
  log_p = jax.nn.log_softmax(
    jnp.asarray(generator.normal(size=(4, 3)), jnp.float32)
  )
  label = jnp.array([0, 2, 1, 1])
  weight = jnp.float32(0.7)
  mixed = mixup.mix(jax.nn.one_hot(label, 3), weight)
  loss = -jnp.sum(mixed * log_p, axis=1)

  def of(labels):
    return -jnp.take_along_axis(log_p, labels[:, None], 1)[:, 0]

  partner = label[jnp.array([1, 0, 3, 2])]
  np.testing.assert_allclose(
    loss, weight * of(label) + (1 - weight) * of(partner), rtol=1e-5
  )


@pytest.mark.parametrize('alpha', [0.1, 1.0])
def test_weight_is_drawn_from_beta(alpha):
  keys = jax.random.split(jax.random.key(0), 20_000)
  draws = np.asarray(jax.vmap(lambda key: mixup.draw_weight(key, alpha))(keys))
  assert draws.dtype == np.float32
  assert np.isfinite(draws).all()
  assert draws.min() >= 0
  assert draws.max() <= 1
  # Mean 1/2 and variance 1 / (4 (2 alpha + 1)), within five standard errors.
  assert abs(draws.mean() - 0.5) < 5 * 0.5 / np.sqrt(len(draws))
  assert draws.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.05)


def test_odd_number_is_refused():
  with pytest.raises(ValueError, match=r'5 examples.*mixup_alpha=0'):
    mixup.mix(jnp.zeros((5, 3)), jnp.float32(0.5))
