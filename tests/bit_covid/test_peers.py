# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Logits equal to those of Hugging Face's BiT in PyTorch."""

import jax
import numpy as np
import pytest

from bit_covid import bit_npz
from bit_covid import resnet_v2

torch = pytest.importorskip('torch', reason='needs the extra peers')
transformers = pytest.importorskip(
  'transformers', reason='needs the extra peers'
)

pytestmark = pytest.mark.peers


def _peer(model, arrays, num_classes):
  """Returns the peer's network with the arrays of a BiT file."""
  size = resnet_v2.MODELS[model]
  config = transformers.BitConfig(
    layer_type='preactivation',
    depths=list(size.block_units),
    # Its head ignores `width_factor`: the sizes are given as they are.
    embedding_size=size.width,
    hidden_sizes=[4 * size.width * 2**i for i in range(len(size.block_units))],
    num_groups=size.num_groups,
    num_labels=num_classes,
  )
  network = transformers.BitForImageClassification(config).eval()
  state = {}
  for key, array in arrays.items():
    name = _peer_name(key)
    if array.ndim == 4 and 'head' in key:
      array = array[0, 0].T
    elif array.ndim == 4:
      array = array.transpose(3, 2, 0, 1)
    state[name] = torch.from_numpy(np.ascontiguousarray(array))
  network.load_state_dict(state, strict=True)
  return network


def _peer_name(key):
  leaf = {'gamma': 'weight', 'kernel': 'weight'}.get(key.split('/')[-1], 'bias')
  parts = key.split('/')
  if parts[1] == 'root_block':
    return f'bit.embedder.convolution.{leaf}'
  if parts[1] == 'group_norm':
    return f'bit.norm.{leaf}'
  if parts[1] == 'head':
    return f'classifier.1.{leaf}'
  block, unit = int(parts[1][5:]) - 1, int(parts[2][4:]) - 1
  number = 'abc'.index(parts[3]) + 1
  module = 'downsample.conv' if parts[4] == 'proj' else f'conv{number}'
  if parts[4] == 'group_norm':
    module = f'norm{number}'
  return f'bit.encoder.stages.{block}.layers.{unit}.{module}.{leaf}'


def _compare(model, path, shape):
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
    expected = _peer(model, arrays, num_classes)(pixels).logits.numpy()
  return np.abs(logits - expected).max() / np.abs(expected).max()


@pytest.mark.slow
@pytest.mark.parametrize('shape', [(96, 96), (97, 65)], ids=['even', 'odd'])
@pytest.mark.parametrize('model', ['R50x1', 'R101x1', 'R50x3'])
def test_logits_of_a_random_checkpoint(tmp_path, random_params, model, shape):
  path = tmp_path / f'{model}.npz'
  params = random_params(model, num_classes=5)
  np.savez(path, **bit_npz.to_arrays(params))
  assert _compare(model, path, shape) < 1e-4


def test_trained_model_loads_there_with_the_same_logits(tmp_path, tfds_dir):
  from bit_covid import train
  from configs import demo

  config = demo.get_config()
  config.data.name, config.data.data_dir = 'phantom/tiny', tfds_dir
  config.schedule = (5, 8, 10, 11, 12)
  config.eval_every = 0
  config.final_splits = ('test',)
  train.train_and_evaluate(config, tmp_path)
  assert _compare('tiny', tmp_path / 'model.npz', (64, 64)) < 1e-4
