# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tests for bit_covid.cli.pack_weights."""

import jax
import numpy as np
import pytest

from bit_covid.cli import pack_weights
from bit_covid.weights import bit_npz
from bit_covid.weights import metadata as metadata_lib


@pytest.fixture
def source(tmp_path, random_params):
  path = tmp_path / 'model.npz'
  metadata = metadata_lib.Metadata(('a', 'b'), facts={'seed': 3})
  bit_npz.save(
    path,
    random_params('tiny', num_classes=2),
    model_name='tiny',
    metadata=metadata,
  )
  return path


def test_half_the_size_and_nearly_the_same_numbers(tmp_path, source):
  target = tmp_path / 'small.npz'
  pack_weights.embed(source, target)
  assert target.stat().st_size < 0.6 * source.stat().st_size
  before, after = bit_npz.load(source), bit_npz.load(target)
  assert after.metadata == before.metadata

  def compare(first, second):
    np.testing.assert_allclose(first, second, rtol=2**-8)
    assert second.dtype == np.float32

  jax.tree.map(compare, before.params, after.params)


def test_the_same_content_gives_the_same_bytes(tmp_path, source):
  for name in ('first.npz', 'second.npz'):
    pack_weights.embed(source, tmp_path / name)
  first, second = (
    (tmp_path / name).read_bytes() for name in ('first.npz', 'second.npz')
  )
  assert first == second
  # What is rounded already stays as it is.
  pack_weights.embed(tmp_path / 'first.npz', tmp_path / 'third.npz')
  assert (tmp_path / 'third.npz').read_bytes() == first


def test_what_is_no_checkpoint_is_refused(tmp_path):
  path = tmp_path / 'model.npz'
  path.write_bytes(b'x')
  with pytest.raises(ValueError, match=r'not a readable \.npz'):
    pack_weights.embed(path, tmp_path / 'small.npz')
  assert not (tmp_path / 'small.npz').exists()
