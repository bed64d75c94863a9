# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Small maps of all classes against Grad-CAM of one class at full size."""

import numpy as np

from bit_covid.models import class_maps
from bit_covid.models import gradcam
from bit_covid.models import resnet_v2


def test_enlarged_maps_are_those_of_gradcam(random_params):
  network = resnet_v2.create('tiny', num_classes=3)
  params = random_params('tiny')
  images = np.random.default_rng(0).uniform(-1, 1, (2, 64, 96, 1))
  images = images.astype(np.float32)
  logits, features, small = map(
    np.asarray, class_maps.apply(network, params, images)
  )
  expected_features = network.apply({'params': params}, images)[1]['features']
  np.testing.assert_allclose(features, expected_features, atol=1e-5)
  assert small.shape == (2, 3, 2, 3)
  for class_index in range(3):
    expected_logits, expected = gradcam.logits_and_maps(
      network, params, images, class_index
    )
    np.testing.assert_allclose(logits, expected_logits, atol=1e-5)
    for i in range(2):
      found = class_maps.enlarge(small[i, class_index], (64, 96))
      np.testing.assert_allclose(found, expected[i], atol=1e-5)
  assert small.min() >= 0
  assert small.max() <= 1


def test_a_map_without_a_positive_value_stays_zero():
  nothing = class_maps.enlarge(np.zeros((2, 3), np.float32), (8, 12))
  np.testing.assert_array_equal(nothing, np.zeros((8, 12)))
