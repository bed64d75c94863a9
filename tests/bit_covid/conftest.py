# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Trainings that take seconds."""

from collections.abc import Callable, Iterator
import types

import ml_collections
import pytest

from bit_covid.models import resnet_v2
from configs import common


@pytest.fixture(scope='module')
def small_network() -> Iterator[None]:
  """Puts a network that compiles in a second in the place of the tiny one."""
  size = resnet_v2.Size((1, 1), width=8, num_groups=4)
  models = {**resnet_v2.MODELS, 'tiny': size}
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(resnet_v2, 'MODELS', types.MappingProxyType(models))
    yield


@pytest.fixture(scope='session')
def make_small_config(
  tfds_dir: str,
) -> Callable[[], ml_collections.ConfigDict]:
  """Makes a config of eight steps on the tiny phantom."""

  def make() -> ml_collections.ConfigDict:
    config = common.get_config()
    config.model.name = 'tiny'
    config.data.name = 'phantom/tiny'
    config.data.data_dir = tfds_dir
    config.data.resize, config.data.crop = 36, 32
    config.batch = 8
    config.eval_batch = 8
    config.schedule = (2, 4, 6, 7, 8)
    config.log_every = 3
    config.eval_every = 4
    config.checkpoint_every = 4
    return config

  return make
