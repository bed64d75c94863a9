# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Logits equal to those of Hugging Face's BiT in PyTorch."""

import jax
import numpy as np
import pytest

from bit_covid.models import resnet_v2
from bit_covid.weights import bit_npz

torch = pytest.importorskip('torch', reason='needs the extra peers')

pytestmark = pytest.mark.peers


def _compare(make_peer, model, path, shape):
  """Returns the largest difference of logits, relative to the largest."""
  checkpoint = bit_npz.load(path)
  with np.load(path, allow_pickle=False) as file:
    arrays = {key: file[key] for key in file if key.startswith('resnet/')}
  num_classes = len(checkpoint.metadata.class_names)
  images = np.random.default_rng(1).uniform(-1, 1, (2, *shape, 3))
  images = images.astype(np.float32)
  network = resnet_v2.create(model, num_classes=num_classes)
  logits, _ = jax.jit(network.apply)({'params': checkpoint.params}, images)
  with torch.no_grad():
    pixels = torch.from_numpy(images.transpose(0, 3, 1, 2).copy())
    expected = make_peer(model, arrays, num_classes)(pixels).logits.numpy()
  return np.abs(logits - expected).max() / np.abs(expected).max()


@pytest.mark.slow
@pytest.mark.parametrize('shape', [(96, 96), (97, 65)], ids=['even', 'odd'])
@pytest.mark.parametrize(
  'model', ['R50x1', 'R101x1', 'R50x3', 'R26x0.5', 'R50x0.5', 'R26x1']
)
def test_logits_of_a_random_checkpoint(
  tmp_path, random_params, make_peer, model, shape
):
  path = tmp_path / f'{model}.npz'
  params = random_params(model, num_classes=5)
  np.savez(path, **bit_npz.to_arrays(params))
  assert _compare(make_peer, model, path, shape) < 1e-4


def test_trained_model_loads_there_with_the_same_logits(
  tmp_path, tfds_dir, make_peer
):
  from bit_covid.training import train
  from configs import demo

  config = demo.get_config()
  config.data.name, config.data.data_dir = 'phantom/tiny', tfds_dir
  config.schedule = (5, 8, 10, 11, 12)
  config.eval_every = 0
  config.final_splits = ('test',)
  train.train_and_evaluate(config, tmp_path)
  assert _compare(make_peer, 'tiny', tmp_path / 'model.npz', (64, 64)) < 1e-4
