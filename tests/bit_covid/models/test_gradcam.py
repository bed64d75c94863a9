# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Class activation maps: the closed form, their shape, and what they pass."""

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image
import pytest
import scipy.stats

from bit_covid import classifier
from bit_covid.models import cascading_randomization
from bit_covid.models import gradcam
from bit_covid.models import resnet_v2
from bit_covid.weights import bit_npz
from bit_covid.weights import metadata


@pytest.fixture(scope='module')
def network():
  return resnet_v2.create('tiny', num_classes=3)


@pytest.fixture(scope='module')
def model(random_params):
  return classifier.Classifier(
    bit_npz.Checkpoint('tiny', random_params('tiny'), metadata.unknown(3))
  )


@pytest.fixture(scope='module')
def images():
  return np.random.default_rng(0).uniform(-1, 1, (19, 96, 96, 1))


@pytest.fixture(scope='module')
def feature_map():
  values = np.random.default_rng(1).standard_normal((4, 5, 3, 8))
  return jnp.maximum(values.astype(np.float32), 0)


@pytest.fixture(scope='module')
def head_kernel():
  values = np.random.default_rng(2).standard_normal((8, 3))
  return jnp.asarray(values.astype(np.float32))


def _head(feature_map, head_kernel, class_index):
  """The sum over images of one logit each."""
  logits = jnp.mean(feature_map, axis=(1, 2)) @ head_kernel
  return jnp.sum(logits[jnp.arange(len(logits)), class_index])


def test_head_is_linear_on_the_mean_of_the_feature_map(
  network, random_params, images
):
  params = random_params('tiny')
  logits, intermediates = jax.jit(network.apply)(
    {'params': params}, images[:2].astype(np.float32)
  )
  bias = params['head']['bias']
  for c in range(3):
    expected = _head(
      intermediates['feature_map'], params['head']['kernel'], np.full(2, c)
    )
    np.testing.assert_allclose(
      jnp.sum(logits[:, c] - bias[c]), expected, rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize('average', [True, False], ids=['gradcam', 'hirescam'])
def test_maps_are_those_of_autograd(feature_map, head_kernel, average):
  classes = np.array([0, 1, 2, 1])
  gradients = np.asarray(jax.grad(_head)(feature_map, head_kernel, classes))
  if average:
    gradients = gradients.mean(axis=(1, 2), keepdims=True)
  expected = np.maximum((gradients * feature_map).sum(axis=3), 0)
  expected /= expected.max(axis=(1, 2), keepdims=True)
  actual = gradcam.cam(feature_map, head_kernel, classes, size=(5, 3))
  np.testing.assert_allclose(actual, expected, atol=1e-6)


@pytest.mark.parametrize('by_image', [True, False])
def test_weighted_maps_of_numpy(feature_map, head_kernel, by_image):
  x, head = (np.asarray(a, np.float64) for a in (feature_map, head_kernel))
  # The mean over 5 x 3 positions.
  expected = np.maximum(np.einsum('nhwk,kc->nchw', x, head) / 15, 0)
  weights = head_kernel
  if by_image:
    weights = jnp.broadcast_to(head_kernel, (4, *head_kernel.shape))
  actual = gradcam.weighted_maps(feature_map, weights)
  assert actual.dtype == np.float32
  np.testing.assert_allclose(actual, expected, atol=1e-6)


def test_one_hot_position_stays_where_it_is():
  # One channel speaks for class 1, at row 1 and column 3 of 4 x 4.
  feature_map = jnp.zeros((1, 4, 4, 2)).at[0, 1, 3, 1].set(7.0)
  kernel = jnp.array([[1.0, 0.0], [-1.0, 2.0]])
  maps = np.asarray(gradcam.cam(feature_map, kernel, 1, size=32))
  row, column = np.unravel_index(maps[0].argmax(), (32, 32))
  assert 8 <= row < 16
  assert 24 <= column < 32
  # Bilinear: nothing beyond the neighbours' centers.
  assert maps[0, 4:20, 20:].sum() == pytest.approx(maps.sum())
  np.testing.assert_array_equal(
    gradcam.energy_inside(maps, np.array([[20, 4, 32, 20]])), [1]
  )
  np.testing.assert_array_equal(
    gradcam.energy_inside(maps, np.array([[0, 0, 20, 32]])), [0]
  )
  # The same channel speaks against class 0: nothing is left, and not NaN.
  against = gradcam.cam(feature_map, kernel, 0, size=32)
  np.testing.assert_array_equal(against, np.zeros((1, 32, 32)))
  assert np.isnan(gradcam.energy_inside(against, np.array([[0, 0, 32, 32]])))


def test_resized_by_hand():
  feature_map = jnp.array([0.0, 4.0]).reshape(1, 1, 2, 1)
  actual = gradcam.cam(feature_map, jnp.ones((1, 1)), 0, size=(1, 4))
  np.testing.assert_allclose(actual, [[[0, 0.25, 0.75, 1]]])


def test_bfloat16_map_gives_float32(feature_map, head_kernel):
  narrow = feature_map.astype(jnp.bfloat16)
  actual = gradcam.cam(narrow, head_kernel, 0, size=10)
  assert actual.dtype == np.float32
  np.testing.assert_allclose(
    actual, gradcam.cam(feature_map, head_kernel, 0, size=10), atol=0.03
  )


@pytest.mark.parametrize('index', [-1, 3])
def test_class_that_is_not_there_gives_nan(feature_map, head_kernel, index):
  # -1 stands for a label that is not known.
  cam = jax.jit(lambda c: gradcam.cam(feature_map, head_kernel, c, size=(5, 3)))
  maps = cam(np.array([0, index, 0, 0]))
  assert np.isnan(maps[1]).all()
  assert np.isfinite(np.delete(maps, 1, axis=0)).all()
  assert np.isnan(cam(np.int32(index))).all()


def test_maps_of_a_classifier(model, images):
  maps = model.gradcam(images)
  assert (maps.shape, maps.dtype) == ((19, 96, 96), np.float32)
  assert maps.min() >= 0
  np.testing.assert_allclose(maps.max(axis=(1, 2)), 1)


def test_batches_give_what_each_image_gives(model, images):
  # 19 images: a full batch and a partial one.
  classes = np.arange(19) % 3
  together = model.gradcam(images, classes)
  for i in (0, 7, 15, 16, 18):
    alone = model.gradcam(images[i : i + 1], int(classes[i]))
    np.testing.assert_allclose(together[i], alone[0], atol=1e-5)


def test_forms_of_the_class(model, images):
  few = images[:4]
  predicted = model.logits(few).argmax(axis=1)
  np.testing.assert_array_equal(
    model.gradcam(few), model.gradcam(few, predicted)
  )
  np.testing.assert_array_equal(
    model.gradcam(few, 1), model.gradcam(few, [1, 1, 1, 1])
  )
  by_image = model.gradcam(few, np.array([0, 1, 2, 1], np.uint8))
  np.testing.assert_array_equal(by_image[2], model.gradcam(few, 2)[2])


def test_gray_is_three_equal_channels_and_sides_may_differ(model, images):
  gray = images[:2, :, :70]
  maps = model.gradcam(gray)
  assert maps.shape == (2, 96, 70)
  np.testing.assert_allclose(
    maps, model.gradcam(np.repeat(gray, 3, axis=3)), atol=1e-3
  )


@pytest.mark.parametrize(
  'class_index', [3, -1, 1.0, [0, 1], [0, 1, 3], [[0], [1], [2]], 'NCP', True]
)
def test_wrong_class_is_refused(model, images, class_index):
  with pytest.raises(ValueError, match=r'class_index=.*0 to 2, or .* 3 images'):
    model.gradcam(images[:3], class_index)


def test_wrong_images_are_refused(model):
  with pytest.raises(ValueError, match='expected float in'):
    model.gradcam(np.zeros((1, 32, 32, 1), np.uint8))


def test_energy_inside_by_hand():
  maps = np.array([[[1, 2, 3], [4, 5, 6]]] * 3 + [[[0, 0, 0]] * 2], np.float32)
  boxes = np.array([[1, 0, 3, 1], [0, 0, 3, 2], [1, 1, 1, 2], [0, 0, 3, 2]])
  np.testing.assert_allclose(
    gradcam.energy_inside(maps, boxes), [5 / 21, 1, 0, np.nan]
  )


@pytest.mark.parametrize(
  ('boxes', 'message'),
  [
    ([[0, 0, 3, 3]], r'\[0, 0, 3, 3\] is not .* within a map of 3 x 2'),
    ([[2, 0, 1, 2]], r'\[2, 0, 1, 2\] is not'),
    ([[0, -1, 1, 2]], r'\[0, -1, 1, 2\] is not'),
    ([0, 0, 3, 2], r'shapes \(1, 2, 3\) and \(4,\)'),
  ],
)
def test_wrong_box_is_refused(boxes, message):
  with pytest.raises(ValueError, match=message):
    gradcam.energy_inside(np.ones((1, 2, 3)), np.array(boxes))


def test_maps_do_not_survive_randomization(network, random_params, images):
  params = random_params('tiny')
  before = jax.tree.map(np.copy, params)
  logits, _ = jax.jit(network.apply)(
    {'params': params}, images[:16].astype(np.float32)
  )
  similarity = cascading_randomization.similarity(
    network, params, images[:16], np.asarray(logits).argmax(axis=1), seed=1
  )
  assert list(similarity) == [
    'none',
    'head',
    'block4',
    'block3',
    'block2',
    'block1',
    'root',
  ]
  np.testing.assert_allclose(similarity['none'], np.ones(16))
  for stage in list(similarity)[1:]:
    assert similarity[stage].shape == (16,)
    assert similarity[stage].mean() < 0.4, stage
  jax.tree.map(np.testing.assert_array_equal, params, before)


def test_randomization_finds_maps_that_survive_it(
  monkeypatch, network, random_params, images
):
  params = random_params('tiny')
  seen = []

  def edges(model, params, images, class_index):
    """Maps that show the image, whatever the parameters."""
    assert class_index.tolist() == [2, 2]
    seen.append(jax.tree.map(np.asarray, params))
    return None, np.abs(images[..., 0])

  monkeypatch.setattr(gradcam, 'logits_and_maps', edges)
  similarity = cascading_randomization.similarity(
    network, params, images[:2], 2
  )
  for values in similarity.values():
    np.testing.assert_allclose(values, [1, 1])
  # From the head down, each stage alone; what was shuffled stays so.
  for count, shuffled in enumerate(seen):
    changed = {
      name
      for name in params
      if any(
        (a != b).any()
        for a, b in zip(
          *map(jax.tree.leaves, (params[name], shuffled[name])), strict=True
        )
      )
    }
    order = ['head', 'block4', 'block3', 'block2', 'block1', 'root']
    assert changed == set(order[:count]) | ({'norm'} if count > 1 else set())
  jax.tree.map(
    lambda a, b: np.testing.assert_array_equal(
      np.sort(a, None), np.sort(b, None)
    ),
    params,
    seen[-1],
  )


def test_randomization_repeats_by_seed(network, random_params, images):
  first, second, other = (
    cascading_randomization.similarity(
      network, random_params('tiny'), images[:2], 1, seed=seed
    )
    for seed in (0, 0, 1)
  )
  jax.tree.map(np.testing.assert_array_equal, first, second)
  assert first['head'].tolist() != other['head'].tolist()


def test_randomization_of_no_class_is_refused(network, random_params, images):
  with pytest.raises(ValueError, match=r'class_index=3; expected .* 0 to 2'):
    cascading_randomization.similarity(
      network, random_params('tiny'), images[:2], 3
    )


def test_maps_of_the_predicted_class_against_numpy(
  network, random_params, images
):
  params, few = random_params('tiny'), images[:3].astype(np.float32)
  logits, maps = gradcam.logits_and_maps(network, params, few)
  expected, seen = jax.jit(network.apply)({'params': params}, few)
  np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-4)
  columns = params['head']['kernel'][:, np.argmax(expected, axis=1)]
  small = np.einsum('nhwk,kn->nhw', np.asarray(seen['feature_map']), columns)
  for found, each in zip(maps, np.maximum(small, 0), strict=True):
    large = Image.fromarray(each).resize((96, 96), Image.Resampling.BILINEAR)
    np.testing.assert_allclose(found, large / np.max(large), atol=1e-4)


def test_rank_correlation_of_scipy():
  maps = np.array([[[0, 1], [2, 3]], [[0, 0], [1, 2]], [[1, 2], [3, 4]]])
  others = np.array([[[9, 4], [2, 1]], [[0, 1], [1, 5]], [[0, 0], [0, 0]]])
  x, y = (
    cascading_randomization._centered_ranks(maps),
    cascading_randomization._centered_ranks(others),
  )
  expected = [
    scipy.stats.spearmanr(a.ravel(), b.ravel()).statistic
    for a, b in zip(maps[:2], others[:2], strict=True)
  ]
  np.testing.assert_allclose(
    cascading_randomization._correlation(x, y), [*expected, 0]
  )
  assert np.isnan(cascading_randomization._correlation(y[2:], x[2:]))
