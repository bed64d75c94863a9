# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The network against a NumPy float64 version, written apart from it."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import numpy_network
from bit_covid.models import resnet_v2

# Backbone, then with 3, 10, 1000 and 21,843 classes; from the shapes in the
# public release, not from this code.
PARAMETER_COUNTS = {
  'R50x1': (23_506_499, 23_520_842, 25_549_352, 68_256_659),
  'R50x3': (211_192_515, 211_235_530, 217_319_080, 345_399_315),
  'R101x1': (42_498_627, 42_512_970, 44_541_480, 87_248_787),
  'R101x3': (381_808_323, 381_851_338, 387_934_888, 516_015_123),
  'R152x2': (232_250_499, 232_279_178, 236_335_208, 321_728_979),
  'R152x4': (928_364_803, 928_422_154, 936_533_224, 1_107_299_923),
}


def _apply(model, params, images, **kwargs):
  network = resnet_v2.create(model, num_classes=3, **kwargs)
  return jax.jit(network.apply)({'params': params}, images)


def _images(shape, seed=0):
  generator = np.random.default_rng(seed)
  return generator.uniform(-1, 1, shape).astype(np.float32)


def _relative_error(actual, expected):
  return np.abs(actual - expected).max() / np.abs(expected).max()


@pytest.mark.parametrize('side', [(64, 64), (65, 50)], ids=['even', 'odd'])
def test_logits_equal_the_reference(random_params, side):
  params, images = random_params('tiny'), _images((2, *side, 3))
  logits, _ = _apply('tiny', params, images)
  assert _relative_error(logits, numpy_network.logits(params, images)) < 1e-5


@pytest.mark.parametrize(
  'mistake',
  [
    {'pool_border': -np.inf},
    {'root_padding': (2, 3)},
    {'project_from': 'x'},
    {'relu_after': True},
  ],
  ids=str,
)
def test_each_mistake_would_be_seen(random_params, mistake):
  # 64 x 64 is where TensorFlow's 'SAME' pads the root by 2 and 3.
  params, images = random_params('tiny'), _images((2, 64, 64, 3))
  logits, _ = _apply('tiny', params, images)
  wrong = numpy_network.logits(params, images, **mistake)
  assert _relative_error(logits, wrong) > 1e-3


@pytest.mark.parametrize('model', PARAMETER_COUNTS)
def test_parameter_counts(model):
  counts = tuple(
    resnet_v2.parameter_count(
      resnet_v2.parameter_shapes(
        resnet_v2.create(model, num_classes=num_classes)
      )
    )
    for num_classes in (3, 10, 1000, 21_843)
  )
  assert counts == PARAMETER_COUNTS[model]


def _count_by_hand(size, num_classes):
  """Returns the number of parameters, counted layer by layer."""
  channels, count = size.width, 7 * 7 * 3 * size.width
  for block, units in enumerate(size.block_units):
    inner = size.width * 2**block
    for unit in range(units):
      # Three norms with scale and bias, and three kernels.
      count += 2 * (channels + inner + inner)
      count += channels * inner + 9 * inner * inner + inner * 4 * inner
      if unit == 0:
        count += channels * 4 * inner
      channels = 4 * inner
  return count + 2 * channels + (channels + 1) * num_classes


@pytest.mark.parametrize('model', resnet_v2.MODELS)
def test_parameters_are_as_many_as_layers_have(model):
  network = resnet_v2.create(model, num_classes=3)
  found = resnet_v2.parameter_count(resnet_v2.parameter_shapes(network))
  assert found == _count_by_hand(resnet_v2.MODELS[model], 3)


@pytest.mark.parametrize('model', resnet_v2.MODELS)
def test_each_group_of_a_norm_has_several_channels(model):
  size = resnet_v2.MODELS[model]
  # The narrowest map has as many channels as the root; with one channel a
  # group, the norm would take away its mean.
  assert size.width % size.num_groups == 0
  assert size.width // size.num_groups >= 2


def test_every_published_size_has_a_known_count():
  own = {'tiny', 'R26x0.5', 'R50x0.5', 'R26x1'}
  assert set(resnet_v2.MODELS) - own == set(PARAMETER_COUNTS)


def test_gray_gives_the_logits_of_three_equal_channels(random_params):
  params, gray = random_params('tiny'), _images((2, 48, 48, 1))
  of_one, _ = _apply('tiny', params, gray)
  of_three, _ = _apply('tiny', params, np.repeat(gray, 3, axis=-1))
  assert _relative_error(of_one, of_three) < 1e-5


@pytest.mark.parametrize('channels', [1, 3])
def test_standardized_parameters_give_the_same_logits(random_params, channels):
  params, images = random_params('tiny'), _images((2, 48, 48, channels))
  expected, _ = _apply('tiny', params, images)
  network = resnet_v2.create('tiny', num_classes=3)
  network = network.clone(kernels_prestandardized=True)
  prepared = resnet_v2.standardize_kernels(params)
  logits, _ = jax.jit(network.apply)({'params': prepared}, images)
  assert _relative_error(logits, expected) < 1e-5


def test_intermediates_are_what_the_head_sees(random_params):
  params, images = random_params('tiny'), _images((2, 64, 48, 1))
  logits, intermediates = _apply('tiny', params, images)
  feature_map = np.asarray(intermediates['feature_map'])
  assert feature_map.shape == (2, 2, 2, 512)
  assert feature_map.min() >= 0
  features = np.asarray(intermediates['features'])
  np.testing.assert_allclose(features, feature_map.mean((1, 2)), rtol=1e-5)
  head = params['head']
  np.testing.assert_allclose(
    logits, features @ head['kernel'] + head['bias'], rtol=1e-4, atol=1e-5
  )


def test_remat_changes_neither_parameters_nor_gradients():
  size = resnet_v2.Size((2, 1), width=8, num_groups=4)
  images = _images((2, 32, 32, 1))
  network = resnet_v2.ResNetV2(3, size)
  params = jax.jit(network.init)(jax.random.key(0), images)['params']
  params['head']['kernel'] = jnp.asarray(_images((64, 3)))

  def gradient(remat):
    network = resnet_v2.ResNetV2(3, size, remat=remat)

    def loss(p):
      return jnp.sum(jnp.square(network.apply({'params': p}, images)[0]))

    return jax.jit(jax.grad(loss))(params)

  jax.tree.map(
    functools.partial(np.testing.assert_allclose, rtol=1e-3, atol=1e-4),
    gradient(True),
    gradient(False),
  )


def test_remat_keeps_fewer_activations():
  def residuals(remat):
    network = resnet_v2.create('R50x1', num_classes=3, remat=remat)
    # Large enough for the maps to be more than the kernels, which are kept.
    images = jnp.zeros((8, 192, 192, 1))
    params = resnet_v2.parameter_shapes(network)

    def loss(p):
      return jnp.sum(network.apply({'params': p}, images)[0])

    _, pullback = jax.eval_shape(lambda p: jax.vjp(loss, p), params)
    return sum(leaf.size for leaf in jax.tree.leaves(pullback))

  assert residuals(True) < 0.6 * residuals(False)


def test_bfloat16_computes_in_it_and_keeps_float32_parameters(random_params):
  params, images = random_params('tiny'), _images((2, 48, 48, 1))
  logits, intermediates = _apply('tiny', params, images, dtype=jnp.bfloat16)
  exact, _ = _apply('tiny', params, images)
  assert intermediates['feature_map'].dtype == jnp.bfloat16
  assert logits.dtype == jnp.float32
  assert 0 < _relative_error(logits, exact) < 0.05
  network = resnet_v2.create('tiny', num_classes=3, dtype=jnp.bfloat16)
  shapes = resnet_v2.parameter_shapes(network)
  assert {leaf.dtype for leaf in jax.tree.leaves(shapes)} == {
    np.dtype(np.float32)
  }


def test_new_network_gives_equal_logits():
  network = resnet_v2.create('tiny', num_classes=3)
  images = _images((4, 32, 32, 1))
  variables = jax.jit(network.init)(jax.random.key(0), images)
  logits, _ = jax.jit(network.apply)(variables, images)
  np.testing.assert_array_equal(logits, np.zeros((4, 3)))


def test_unknown_model_lists_the_known_ones():
  with pytest.raises(ValueError, match=r"'R18'.*tiny, R26x0.5.*R50x1.*R152x4"):
    resnet_v2.create('R18', num_classes=3)


@pytest.mark.parametrize('shape', [(2, 32, 32, 2), (32, 32, 3)])
def test_images_of_other_shapes_are_refused(shape):
  network = resnet_v2.create('tiny', num_classes=3)
  with pytest.raises(ValueError, match=r'expected \[N, H, W, 1\]'):
    network.init(jax.random.key(0), np.zeros(shape, np.float32))
