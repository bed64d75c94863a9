# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A trained network on images, against the same network in NumPy float64."""

import jax
import numpy as np
import pytest
import scipy.special

from bit_covid.inference import network as network_lib
from bit_covid.weights import bit_npz


@pytest.fixture(scope='module')
def network(tmp_path_factory, save_checkpoint):
  path = save_checkpoint(tmp_path_factory.mktemp('run'), temperature=2.5)
  return network_lib.Network(bit_npz.load(path))


def _gray(count=3, side=32):
  generator = np.random.default_rng(count)
  return generator.integers(0, 256, (count, side, side, 1), np.uint8)


def test_logits_and_features_are_those_of_numpy(
  network, random_params, reference_network
):
  # 19 images: a full batch of 16 and a padded one.
  images = np.random.default_rng(0).uniform(-1, 1, (19, 32, 32, 1))
  logits, features = reference_network(random_params('tiny'), images)
  for actual, expected in (
    (network.logits(images), logits),
    (network.features(images), features),
  ):
    assert actual.dtype == np.float32
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-4)
  # Three equal channels are the same image.
  np.testing.assert_allclose(
    network.logits(np.repeat(images, 3, axis=-1)), logits, rtol=1e-4, atol=1e-4
  )


def test_probabilities_are_calibrated(
  network, random_params, reference_network
):
  prepared = _gray()
  logits, _ = reference_network(random_params('tiny'), prepared / 127.5 - 1.0)
  expected = scipy.special.softmax(logits / 2.5, axis=1)
  np.testing.assert_allclose(
    network.probabilities(prepared), expected, atol=1e-5
  )
  for with_maps in (True, False):
    outputs = network.outputs(prepared, with_maps=with_maps)
    np.testing.assert_allclose(outputs.probabilities, expected, atol=1e-5)
    assert outputs.distances is None
    assert (outputs.maps is not None) == with_maps
  assert network.outputs(prepared, with_maps=True).maps.shape == (3, 3, 1, 1)


def test_what_was_compiled_is_not_compiled_again(network, caplog):
  # Another test of this process may have compiled the same network.
  jax.clear_caches()
  with jax.log_compiles():
    network.engine.compile(19)
    assert 'jit(apply)' in caplog.text
    caplog.clear()
    network.outputs(_gray(19), with_maps=True)
    assert 'jit(apply)' not in caplog.text


def test_without_a_temperature_the_softmax_is_that_of_the_logits(
  tmp_path, save_checkpoint, random_params, reference_network
):
  network = network_lib.Network(bit_npz.load(save_checkpoint(tmp_path)))
  prepared = _gray()
  logits, _ = reference_network(random_params('tiny'), prepared / 127.5 - 1.0)
  np.testing.assert_allclose(
    network.probabilities(prepared),
    scipy.special.softmax(logits, axis=1),
    atol=1e-5,
  )


def test_without_a_class_the_map_is_that_of_the_predicted_one(network):
  images = _gray(side=96) / 127.5 - 1.0
  predicted = network.logits(images).argmax(axis=1)
  maps = network.gradcam(images)
  assert maps.shape == (3, 96, 96)
  assert maps.std(axis=(1, 2)).min() > 0.01
  for i, class_index in enumerate(predicted):
    own = network.gradcam(images[i : i + 1], int(class_index))
    np.testing.assert_allclose(maps[i], own[0], atol=1e-5)


@pytest.mark.parametrize(
  ('images', 'message'),
  [
    (np.zeros((1, 32, 32), np.float32), r'shape \(1, 32, 32\)'),
    (np.zeros((0, 32, 32, 1), np.float32), 'N of 1 or more'),
    (np.zeros((1, 32, 32, 1), np.uint8), r'uint8; expected float'),
    (np.full((1, 32, 32, 1), 255.0), r'values from 255.0 to 255.0'),
    (np.full((1, 32, 32, 1), np.nan), r'values from nan'),
  ],
)
def test_wrong_images_are_refused(network, images, message):
  with pytest.raises(ValueError, match=message):
    network.logits(images)


def test_parameters_that_are_too_large_give_no_probabilities(
  tmp_path, save_checkpoint, random_params
):
  params = random_params('tiny')
  params['head']['bias'] = np.float32([3e38, -3e38, 0])
  params['head']['kernel'] = np.full_like(params['head']['kernel'], 3e38)
  network = network_lib.Network(bit_npz.load(save_checkpoint(tmp_path, params)))
  with pytest.raises(ValueError, match='logits that are NaN or infinite'):
    network.probabilities(_gray())


@pytest.mark.parametrize('value', [np.nan, np.inf], ids=str)
def test_parameters_that_are_not_finite_are_refused_at_load(
  tmp_path, save_checkpoint, random_params, value
):
  params = random_params('tiny')
  params['norm']['scale'] = np.full_like(params['norm']['scale'], value)
  with pytest.raises(ValueError, match=r'group_norm/gamma has values that are'):
    bit_npz.load(save_checkpoint(tmp_path, params))
