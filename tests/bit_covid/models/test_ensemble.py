# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Ensembles against means of the networks in NumPy float64."""

import jax
import numpy as np
import pytest
import scipy.special

from bit_covid.models import class_maps
from bit_covid.models import ensemble
from bit_covid.models import gradcam
from bit_covid.models import resnet_v2

TEMPERATURES = (0.5, 2.0)
SIDE = 64


@pytest.fixture(scope='module')
def members(random_params):
  return [random_params('tiny', seed=x) for x in (1, 2)]


@pytest.fixture(scope='module')
def params(members):
  return {ensemble.name(i): x for i, x in enumerate(members)}


@pytest.fixture(scope='module')
def images():
  generator = np.random.default_rng(0)
  return generator.uniform(-1, 1, (3, SIDE, SIDE, 1)).astype(np.float32)


def _model(*, flips):
  network = resnet_v2.create('tiny', num_classes=3)
  return ensemble.Ensemble((network, network), TEMPERATURES, flips)


def _normalized(maps):
  """Maps divided by their largest value; those without one stay zero."""
  largest = maps.max(axis=(-2, -1), keepdims=True)
  return maps / np.where(largest > 0, largest, 1)


@pytest.mark.parametrize('flips', [False, True])
def test_probabilities_are_the_mean(
  members, params, images, reference_network, flips
):
  expected = [
    scipy.special.softmax(logits / temperature, axis=1)
    for member, temperature in zip(members, TEMPERATURES, strict=True)
    for view in ([images, images[:, :, ::-1]] if flips else [images])
    for logits, _ in [reference_network(member, view)]
  ]
  apply = jax.jit(_model(flips=flips).apply)
  logits, intermediates = apply({'params': params}, images)
  probabilities = scipy.special.softmax(np.float64(logits), axis=1)
  np.testing.assert_allclose(probabilities, np.mean(expected, 0), atol=1e-5)
  np.testing.assert_allclose(np.exp(logits), probabilities, atol=1e-5)
  _, features = reference_network(members[0], images)
  np.testing.assert_allclose(intermediates['features'], features, atol=1e-4)


def test_standardized_kernels_give_the_same(params, images):
  model = _model(flips=True)
  standardized = resnet_v2.standardize_kernels(params)
  apply = jax.jit(ensemble.prestandardized(model).apply)
  actual, _ = apply({'params': standardized}, images)
  expected, _ = jax.jit(model.apply)({'params': params}, images)
  np.testing.assert_allclose(actual, expected, atol=1e-5)


@pytest.mark.parametrize('flips', [False, True])
def test_maps_are_the_mean_of_those_of_the_networks(
  members, params, images, flips
):
  network = resnet_v2.create('tiny', num_classes=3)
  views = [(images, 1)] + ([(images[:, :, ::-1], -1)] if flips else [])
  small = np.mean(
    [
      np.asarray(class_maps.apply(network, x, view)[2])[..., ::step]
      for x in members
      for view, step in views
    ],
    axis=0,
  )
  _, _, actual = class_maps.apply(_model(flips=flips), params, images)
  np.testing.assert_allclose(actual, _normalized(small), atol=1e-5)
  for chosen in (None, 1):
    logits, actual = gradcam.logits_and_maps(
      _model(flips=flips), params, images, chosen
    )
    index = np.argmax(logits, axis=1) if chosen is None else [chosen] * 3
    large = np.mean(
      [
        np.asarray(
          gradcam.logits_and_maps(network, x, view, np.array(index))[1]
        )[..., ::step]
        for x in members
        for view, step in views
      ],
      axis=0,
    )
    expected = _normalized(large)
    np.testing.assert_allclose(actual, expected, atol=1e-5)


def test_a_mirrored_image_has_the_mirrored_map(params, images):
  model = _model(flips=True)
  logits, maps = gradcam.logits_and_maps(model, params, images, 0)
  mirrored_logits, mirrored_maps = gradcam.logits_and_maps(
    model, params, images[:, :, ::-1], 0
  )
  np.testing.assert_allclose(logits, mirrored_logits, atol=1e-5)
  np.testing.assert_allclose(maps, mirrored_maps[..., ::-1], atol=1e-5)
