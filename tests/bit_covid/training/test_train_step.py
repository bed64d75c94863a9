# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The step on one device and on two, and against a float64 SGD."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from bit_covid.base import devices
from bit_covid.models import resnet_v2
from bit_covid.training import loss as loss_lib
from bit_covid.training import schedule
from bit_covid.training import train_step

STEPS = 3
# Two blocks and few channels: all that matters here, compiled in a second.
NETWORK = resnet_v2.ResNetV2(
  num_classes=3, size=resnet_v2.Size((1, 1), width=8, num_groups=4)
)


def _loss(network=NETWORK, *, mixup_alpha):
  return loss_lib.Loss(model=network, mixup_alpha=mixup_alpha, seed=0)


def _batches(size=8, side=32):
  generator = np.random.default_rng(0)
  return [
    {
      'image': generator.integers(0, 256, (size, side, side, 1), np.uint8),
      'label': generator.integers(0, 3, size, np.int32),
      'mask': np.ones(size, bool),
      'index': np.arange(size),
    }
    for _ in range(STEPS)
  ]


def _optimizer():
  return optax.sgd(schedule.learning_rate(0.03, (2, 10, 20, 30)), momentum=0.9)


@functools.cache
def _params():
  images = jnp.zeros((1, 32, 32, 1))
  return jax.jit(NETWORK.init)(jax.random.key(0), images)['params']


@functools.cache
def _run(num_devices, *, mixup_alpha=0.0, accumulation=1):
  """Returns the losses and the last state of a few steps."""
  optimizer = _optimizer()
  state = train_step.create_state(_params(), optimizer)
  step = train_step.make_train_step(
    _loss(mixup_alpha=mixup_alpha),
    optimizer,
    accumulation=accumulation,
    on_devices=jax.devices()[:num_devices],
  )
  copy = devices.data_parallel(
    lambda leaves, _: leaves, on_devices=jax.devices()[:num_devices]
  )
  state = copy(state, np.zeros(num_devices))
  losses = []
  for batch in _batches():
    sharded = {
      key: value.reshape(num_devices, -1, *value.shape[1:])
      for key, value in batch.items()
    }
    before = float(state.loss_sum)
    state, _ = step(state, sharded)
    losses.append(float(state.loss_sum) - before)
  return losses, state


def _assert_close(actual, expected, tolerance=1e-4):
  def check(x, y):
    np.testing.assert_allclose(x, y, rtol=tolerance, atol=tolerance)

  jax.tree.map(check, actual, expected)


@pytest.mark.parametrize(('mixup_alpha', 'accumulation'), [(0.0, 1), (0.5, 2)])
def test_two_devices_do_what_one_does(mixup_alpha, accumulation):
  kwargs = {'mixup_alpha': mixup_alpha, 'accumulation': accumulation}
  losses_one, one = _run(1, **kwargs)
  losses_two, two = _run(2, **kwargs)
  np.testing.assert_allclose(losses_two, losses_one, rtol=1e-4)
  _assert_close(devices.to_host(two.params), devices.to_host(one.params))


def test_accumulation_changes_nothing():
  losses, whole = _run(1, mixup_alpha=0.5)
  losses_in_parts, parts = _run(1, mixup_alpha=0.5, accumulation=2)
  np.testing.assert_allclose(losses_in_parts, losses, rtol=1e-4)
  _assert_close(parts.params, whole.params)


def test_mixup_changes_the_gradient_and_not_the_first_loss():
  plain, mixed = _run(1)[0], _run(1, mixup_alpha=0.5)[0]
  assert plain[0] == pytest.approx(np.log(3), rel=1e-6)
  assert mixed[0] == pytest.approx(np.log(3), rel=1e-6)
  assert abs(plain[2] - mixed[2]) > 1e-3


def test_each_step_has_its_own_mixing_weight():
  head = {'kernel': np.eye(64, 3, dtype=np.float32), 'bias': np.zeros(3)}
  params = {**_params(), 'head': jax.tree.map(np.float32, head)}
  optimizer = optax.sgd(0.0)
  step = train_step.make_train_step(
    _loss(mixup_alpha=1.0), optimizer, accumulation=1
  )
  state = devices.replicate(train_step.create_state(params, optimizer))
  batch = devices.shard(_batches()[0])
  sums = [0.0]
  for _ in range(3):
    state, _ = step(state, batch)
    sums.append(float(state.loss_sum))
  losses = np.diff(sums)
  assert np.ptp(losses) > 1e-3


def test_all_shards_are_equal_after_a_step():
  # pmap does not notice when a mean over the devices is missing.
  _, state = _run(2, mixup_alpha=0.5, accumulation=2)
  leaves = jax.tree.leaves(state)
  assert len(leaves) > 30
  for leaf in leaves:
    first, second = leaf.addressable_shards
    np.testing.assert_array_equal(first.data, second.data)


def test_update_is_sgd_with_momentum():
  # Of the head alone: its gradient is known in closed form, and the backbone's
  # features are the same for both as its gradient is zero at a zero head.
  batch = _batches()[0]
  values = (batch['image'].astype(np.float32) - 127.5) / 127.5
  _, intermediates = NETWORK.apply({'params': _params()}, values)
  features = np.asarray(intermediates['features'], np.float64)
  residual = np.full((8, 3), 1 / 3) - np.eye(3)[batch['label']]
  gradient = features.T @ residual / 8
  optimizer = optax.sgd(0.1, momentum=0.9)
  step = train_step.make_train_step(
    _loss(mixup_alpha=0.0), optimizer, accumulation=1
  )
  state = devices.replicate(train_step.create_state(_params(), optimizer))
  state, norm = step(state, devices.shard(batch))
  np.testing.assert_allclose(
    devices.to_host(state.params['head']['kernel']),
    -0.1 * gradient,
    rtol=1e-3,
    atol=1e-6,
  )
  assert int(state.step) == 1
  # With a bias, whose gradient is the sum of the residuals.
  squares = np.sum(gradient**2) + np.sum(residual.mean(0) ** 2)
  np.testing.assert_allclose(float(norm), np.sqrt(squares), rtol=1e-4)


def test_second_step_is_not_compiled_again():
  optimizer = _optimizer()
  step = train_step.make_train_step(
    _loss(mixup_alpha=0.1), optimizer, accumulation=1
  )
  state = devices.replicate(train_step.create_state(_params(), optimizer))
  compiled = []
  jax.monitoring.register_event_duration_secs_listener(
    lambda event, seconds, **kwargs: (
      compiled.append(event)
      if event == '/jax/core/compile/backend_compile_duration'
      else None
    )
  )
  counts = []
  for batch in _batches():
    state, _ = step(state, devices.shard(batch))
    # As after a measurement of the loss.
    state = state.replace(loss_sum=jnp.zeros_like(state.loss_sum))
    counts.append(len(compiled))
  assert counts[0] >= 1
  assert counts[2] == counts[1]
  # What is new in the second round is the zero, not the step.
  assert counts[1] - counts[0] <= 1


def _lower(network, platform, *, accumulation, batch):
  """Returns the step's program for two devices that are not here."""
  optimizer = _optimizer()
  step = train_step.make_train_step(
    _loss(network, mixup_alpha=0.1), optimizer, accumulation=accumulation
  )
  state = jax.eval_shape(
    lambda params: train_step.create_state(params, optimizer),
    resnet_v2.parameter_shapes(network),
  )
  exported = jax.export.export(jax.jit(step), platforms=[platform])
  return exported(state, batch).mlir_module()


def _batch_shapes(size, side):
  return {
    'image': jax.ShapeDtypeStruct((2, size, side, side, 1), np.uint8),
    'label': jax.ShapeDtypeStruct((2, size), np.int32),
  }


@pytest.mark.parametrize('platform', ['cuda', 'tpu'])
def test_step_lowers_for_accelerators_with_their_own_forms(platform):
  text = _lower(NETWORK, platform, accumulation=1, batch=_batch_shapes(4, 32))
  # The pool's derivative, and no map that is written for a CPU's sake.
  assert 'select_and_scatter' in text
  assert 'optimization_barrier' not in text


@pytest.mark.parametrize('platform', ['cuda', 'tpu'])
def test_bfloat16_step_has_no_products_or_copies_of_maps_in_float32(platform):
  network = NETWORK.clone(dtype=jnp.bfloat16)
  text = _lower(network, platform, accumulation=1, batch=_batch_shapes(4, 32))
  lines = {
    name: re.findall(rf'stablehlo\.{name}\b.*-> tensor<(\w+)>', text)
    for name in ('convolution', 'dot_general', 'transpose', 'pad')
  }
  # Root and two units of four convolutions, of which two have the same shapes
  # and are written once. Each has two gradients, except that the root needs
  # none of the images.
  assert len(lines['convolution']) == 8 + 2 * 8 - 1
  assert all(x.endswith('xbf16') for x in lines['convolution'])
  # The head alone is float32: the logits and the gradients of its kernel and
  # of the features. The transposed array is the first of these gradients.
  assert lines['dot_general'] == ['4x3xf32', '3x64xf32', '4x64xf32']
  assert lines['transpose'] == ['64x3xf32']
  # XLA's derivative of a pooling has no padding on a GPU, so JAX pads the map.
  assert lines['pad'] == (['4x18x18x8xbf16'] if platform == 'cuda' else [])
  # A norm widens its input in both of its passes and in those of its gradient,
  # and the gradient, while it reads them; each of five shapes is written once.
  # Besides, the head takes the float32 mean of the last map.
  convert = r'stablehlo\.convert .*<4x\d+x\d+x\d+x{}>\) -> tensor<4x.*x{}>'
  assert len(re.findall(convert.format('bf16', 'f32'), text)) == 5 * 4 + 1
  # The outputs of both, the gradient of that mean, and the images.
  assert len(re.findall(convert.format('f32', 'bf16'), text)) == 5 * 2 + 1 + 1


@pytest.mark.slow
@pytest.mark.parametrize('platform', ['cuda', 'tpu'])
def test_step_of_the_paper_lowers_for_accelerators(platform):
  network = resnet_v2.create(
    'R50x1', num_classes=3, dtype=jnp.bfloat16, remat=True
  )
  batch = _batch_shapes(16, 480)
  text = _lower(network, platform, accumulation=4, batch=batch)
  assert 'select_and_scatter' in text
  # One for each unit that is computed again, none for a CPU's sake.
  assert text.count('stablehlo.optimization_barrier') == 3 + 4 + 6 + 3
