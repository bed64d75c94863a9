# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Two fake devices, strict promotion, and the data that tests share."""

from collections.abc import Callable
import os
import pathlib
import tempfile

import jax
import numpy as np
import pytest

# Before anything asks JAX for its devices.
jax.config.update('jax_platforms', 'cpu')
jax.config.update('jax_num_cpu_devices', 2)
jax.config.update('jax_numpy_dtype_promotion', 'strict')
jax.config.update('jax_numpy_rank_promotion', 'raise')
# Many tests compile the same step: once a session is enough.
_CACHE = tempfile.TemporaryDirectory(prefix='bit_covid_tests')
jax.config.update('jax_compilation_cache_dir', _CACHE.name)
jax.config.update('jax_persistent_cache_min_compile_time_secs', 0.5)


@pytest.fixture(scope='session')
def real_data() -> pathlib.Path:
  """The folder of real CT slices and official split files."""
  folder = os.environ.get('BIT_COVID_REAL_DATA')
  if not folder:
    pytest.skip('BIT_COVID_REAL_DATA names no folder of real CT slices')
  return pathlib.Path(folder)


@pytest.fixture(scope='session')
def tfds_dir(tmp_path_factory: pytest.TempPathFactory) -> str:
  """A folder for prepared datasets, so that each is drawn once a session."""
  return str(tmp_path_factory.mktemp('tfds'))


@pytest.fixture(scope='session')
def random_params() -> Callable[..., dict]:
  """Makes parameters of a network whose every value matters.

  Kernels have a standard deviation of 1, for which the epsilons that other
  implementations add to their variance are of no consequence; the head is not
  zero.
  """
  from bit_covid import resnet_v2

  def make(model: str, *, num_classes: int = 3, seed: int = 0) -> dict:
    network = resnet_v2.create(model, num_classes=num_classes)
    shapes = resnet_v2.parameter_shapes(network)
    generator = np.random.default_rng(seed)

    def draw(path, leaf):
      name = path[-1].key
      values = generator.standard_normal(leaf.shape, dtype=np.float32)
      if name == 'scale':
        return 1 + 0.1 * values
      if path[0].key == 'head':
        return values / np.float32(np.sqrt(leaf.shape[0]))
      return 0.1 * values if name == 'bias' else values

    return jax.tree_util.tree_map_with_path(draw, shapes)

  return make
