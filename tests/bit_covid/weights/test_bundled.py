# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The checkpoints that come with the package are whole and as documented."""

import hashlib
import pathlib
import re

import jax
import ml_collections
import numpy as np
import pytest

from bit_covid.models import resnet_v2
from bit_covid.training import train
from bit_covid.weights import bit_npz
from bit_covid.weights import find
from input_pipeline.textures import classes

README = pathlib.Path(find.__file__).with_name('README.md').read_text()
# Their names, and the classes of what each was trained on last.
TEXTURES = {
  'Textures-M-tiny': classes.MANY,
  'Textures-M-tiny-C': classes.SINGLE,
  'Textures-M-tiny-S': classes.FEW,
  'Textures-S-tiny': classes.FEW,
}


def test_all_are_known_and_small():
  assert tuple(find.bundled()) == tuple(TEXTURES)
  sizes = [find.bundled()[name].stat().st_size for name in find.bundled()]
  assert sum(sizes) < 5_000_000
  with pytest.raises(FileNotFoundError, match='Textures-M-tiny, '):
    find.find('Textures-L-tiny')


@pytest.mark.parametrize('name', TEXTURES)
def test_file_is_the_documented_one(name):
  digest = hashlib.sha256(find.bundled()[name].read_bytes()).hexdigest()
  row = re.search(rf'\| `{name}` .*', README)
  assert digest in row.group()


@pytest.mark.parametrize('name', TEXTURES)
def test_trained_on_textures_with_a_head_for_their_classes(name):
  checkpoint = bit_npz.load(find.find(name))
  assert checkpoint.model_name == 'tiny'
  names = tuple(texture.name for texture in TEXTURES[name])
  assert checkpoint.metadata.class_names == names
  assert checkpoint.metadata.window is None
  for leaf in jax.tree.leaves(checkpoint.params):
    assert leaf.dtype == np.float32
    assert np.isfinite(leaf).all()
  assert checkpoint.params['head']['kernel'].any()


@pytest.mark.parametrize('name', TEXTURES)
def test_fine_tuning_starts_from_it_with_a_head_of_zeros(name):
  model = resnet_v2.create('tiny', num_classes=3)
  config = ml_collections.ConfigDict(
    {'init': name, 'seed': 0, 'model': {'name': 'tiny'}}
  )
  params = train.initial_params(config, model)
  assert params['head']['kernel'].shape == (512, 3)
  assert not params['head']['kernel'].any()
  loaded = bit_npz.load(find.bundled()[name]).params
  np.testing.assert_array_equal(
    params['root']['kernel'], loaded['root']['kernel']
  )


def test_it_is_of_the_tiny_network_alone():
  with pytest.raises(ValueError, match='does not hold the parameters of R50x1'):
    bit_npz.load(find.find('Textures-M-tiny'), model_name='R50x1')
