# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Which checkpoints make an ensemble, and what it says of itself."""

import numpy as np
import pytest
import scipy.special

import bit_covid
from bit_covid.weights import ensemble_checkpoint
from bit_covid.weights import find

pytestmark = pytest.mark.usefixtures('small_network')


@pytest.fixture
def save(tmp_path, save_checkpoint, random_params):
  def save(name, **metadata):
    folder = tmp_path / name
    folder.mkdir()
    seed = len(list(tmp_path.iterdir()))
    return save_checkpoint(folder, random_params('tiny', seed=seed), **metadata)

  return save


def test_one_network_without_flips_is_itself(save):
  checkpoint = ensemble_checkpoint.load([save('a', temperature=1.5)])
  assert checkpoint.model_name == 'tiny'
  assert checkpoint.metadata.temperature == 1.5


def test_names_of_several(save, tmp_path):
  paths = [save('a'), save('b')]
  for name in ([tmp_path / 'a', tmp_path / 'b'], '{},{}'.format(*paths)):
    assert find.find_checkpoints(name) == paths


def test_classifier_of_several(save):
  paths = [save('a', temperature=1.5), save('b', temperature=0.5)]
  gray = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 1), np.uint8)
  each = [bit_covid.load(path).probabilities(gray) for path in paths]
  classifier = bit_covid.load(paths)
  np.testing.assert_allclose(
    classifier.probabilities(gray), np.mean(each, axis=0), atol=1e-6
  )
  assert classifier.temperature == 1
  assert '2 x tiny, ' in repr(classifier)
  mirrored = bit_covid.load(paths[0]).probabilities(gray[:, :, ::-1])
  classifier = bit_covid.load(paths[0], flips=True)
  outputs = classifier.outputs(gray, with_maps=True)
  np.testing.assert_allclose(
    outputs.probabilities, (each[0] + mirrored) / 2, atol=1e-6
  )
  assert outputs.maps.shape == (2, 3, 4, 4)
  assert 'tiny, also mirrored' in repr(classifier)
  images = classifier.preprocess(gray[..., 0])
  np.testing.assert_allclose(
    scipy.special.softmax(classifier.logits(images), axis=1),
    outputs.probabilities,
    atol=1e-6,
  )


def test_without_a_temperature_it_is_not_calibrated(save):
  checkpoint = ensemble_checkpoint.load([save('a', temperature=2.0), save('b')])
  assert checkpoint.metadata.temperature is None
  assert checkpoint.create_model().temperatures == (2.0, 1.0)


@pytest.mark.parametrize(
  ('metadata', 'text'),
  [
    ({'class_names': ('CP', 'Normal', 'NCP')}, r"has class_names \('CP'"),
    ({'window': (40.0, 400.0)}, r'has window \(40\.0, 400\.0\), and'),
    ({'crop': 64}, "'crop': 64"),
    ({'facts': {'data': 'image_folder'}}, 'has data image_folder, and'),
  ],
)
def test_networks_that_do_not_fit_together(save, metadata, text):
  paths = [save('a'), save('b', **metadata)]
  with pytest.raises(ValueError, match=text):
    ensemble_checkpoint.load(paths)


def test_folder_of_a_cross_validation(save, tmp_path):
  for number in (1, 2, 10):
    save(f'fold_{number}')
    (tmp_path / f'fold_{number}' / 'config.json').touch()
  found = find.find_checkpoints(tmp_path)
  assert [x.parent.name for x in found] == ['fold_1', 'fold_2', 'fold_10']
  (tmp_path / 'fold_3').mkdir()
  (tmp_path / 'fold_3' / 'config.json').touch()
  with pytest.raises(FileNotFoundError, match='its training has not finished'):
    find.check_checkpoints(tmp_path)


def test_path_with_a_comma_is_a_path(save):
  path = save('a,b')
  assert find.find_checkpoints(str(path)) == [path]
