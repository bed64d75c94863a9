# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The other implementation that networks are compared with."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bit_covid.models import resnet_v2


@pytest.fixture(scope='session')
def make_peer() -> Callable[..., Any]:
  """Makes Hugging Face's BiT in PyTorch from the arrays of a BiT file."""
  torch = pytest.importorskip('torch', reason='needs the extra peers')
  transformers = pytest.importorskip(
    'transformers', reason='needs the extra peers'
  )

  def make(model: str, arrays: dict[str, np.ndarray], num_classes: int):
    size = resnet_v2.MODELS[model]
    config = transformers.BitConfig(
      layer_type='preactivation',
      depths=list(size.block_units),
      # Its head ignores `width_factor`: the sizes are given as they are.
      embedding_size=size.width,
      hidden_sizes=[
        4 * size.width * 2**i for i in range(len(size.block_units))
      ],
      num_groups=size.num_groups,
      num_labels=num_classes,
    )
    network = transformers.BitForImageClassification(config).eval()
    state = {
      _peer_name(key): torch.from_numpy(_peer_array(key, array))
      for key, array in arrays.items()
    }
    network.load_state_dict(state, strict=True)
    return network

  return make


def _peer_name(key: str) -> str:
  parts = key.split('/')
  leaf = {'gamma': 'weight', 'kernel': 'weight'}.get(parts[-1], 'bias')
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


def _peer_array(key: str, array: np.ndarray) -> np.ndarray:
  if array.ndim == 4:
    array = array[0, 0].T if 'head' in key else array.transpose(3, 2, 0, 1)
  return np.ascontiguousarray(array)
