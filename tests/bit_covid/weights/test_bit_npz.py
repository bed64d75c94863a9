# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""BiT's key format: the public files' names and shapes, and ours."""

import json

import jax
import numpy as np
import pytest

from bit_covid.models import resnet_v2
from bit_covid.weights import bit_npz
from bit_covid.weights import find
from bit_covid.weights import metadata as metadata_lib

METADATA = metadata_lib.Metadata(('Normal', 'CP', 'NCP'))
# Number of arrays in a public file, by depth.
NUM_ARRAYS = {'R50': 153, 'R101': 306, 'R152': 459}


def _published_shapes(depths, width, num_classes):
  """Returns keys and shapes as the public files have them, written by hand."""
  root = width * 64
  shapes = {
    'resnet/root_block/standardized_conv2d/kernel': (7, 7, 3, root),
    'resnet/head/conv2d/kernel': (1, 1, 32 * root, num_classes),
    'resnet/head/conv2d/bias': (num_classes,),
    'resnet/group_norm/gamma': (32 * root,),
    'resnet/group_norm/beta': (32 * root,),
  }
  channels = root
  for block, depth in enumerate(depths, start=1):
    features = root * 2 ** (block - 1)
    for unit in range(1, depth + 1):
      prefix = f'resnet/block{block}/unit{unit:02d}'
      for part, size, inner, outer in (
        ('a', 1, channels, features),
        ('b', 3, features, features),
        ('c', 1, features, 4 * features),
      ):
        kernel = f'{prefix}/{part}/standardized_conv2d/kernel'
        shapes[kernel] = (size, size, inner, outer)
        shapes[f'{prefix}/{part}/group_norm/gamma'] = (inner,)
        shapes[f'{prefix}/{part}/group_norm/beta'] = (inner,)
      if unit == 1:
        shapes[f'{prefix}/a/proj/standardized_conv2d/kernel'] = (
          1,
          1,
          channels,
          4 * features,
        )
      channels = 4 * features
  return shapes


def _assert_trees_equal(actual, expected):
  assert jax.tree.structure(actual) == jax.tree.structure(expected)
  jax.tree.map(np.testing.assert_array_equal, actual, expected)


@pytest.fixture
def saved(tmp_path, random_params):
  """Arrays by key of a tiny network, and its parameters."""
  params = random_params('tiny')
  return bit_npz.to_arrays(params), params


def _savez(path, arrays):
  np.savez(path, **arrays)
  return path


@pytest.mark.parametrize(
  ('model', 'depths', 'width'),
  [
    ('R50x1', (3, 4, 6, 3), 1),
    ('R50x3', (3, 4, 6, 3), 3),
    ('R101x1', (3, 4, 23, 3), 1),
    ('R101x3', (3, 4, 23, 3), 3),
    ('R152x2', (3, 8, 36, 3), 2),
    ('R152x4', (3, 8, 36, 3), 4),
  ],
)
@pytest.mark.parametrize('num_classes', [3, 21_843])
def test_keys_and_shapes_are_those_of_the_public_files(
  model, depths, width, num_classes
):
  shapes = bit_npz.expected_shapes(model, num_classes)
  assert shapes == _published_shapes(depths, width, num_classes)
  assert len(shapes) == NUM_ARRAYS[model.split('x')[0]]


def test_each_array_lands_in_its_place(tmp_path):
  # Values that say where they are from, in a file written without this code.
  shapes = _published_shapes((3, 4, 6, 3), 1, 10)
  arrays = {
    key: np.full(shape, i, np.float32)
    for i, (key, shape) in enumerate(shapes.items())
  }
  value = {key: i for i, key in enumerate(shapes)}
  name = 'BiT-M-R50x1-CIFAR10'
  path = _savez(tmp_path / f'{name}.npz', arrays)
  assert find.find(name, cache_dir=tmp_path) == path
  checkpoint = bit_npz.load(path)
  assert checkpoint.model_name == 'R50x1'
  unit = checkpoint.params['block4']['unit01']
  prefix = 'resnet/block4/unit01'
  for ours, theirs in {
    ('gn1', 'scale'): 'a/group_norm/gamma',
    ('gn1', 'bias'): 'a/group_norm/beta',
    ('conv1', 'kernel'): 'a/standardized_conv2d/kernel',
    ('conv_proj', 'kernel'): 'a/proj/standardized_conv2d/kernel',
    ('gn2', 'scale'): 'b/group_norm/gamma',
    ('conv2', 'kernel'): 'b/standardized_conv2d/kernel',
    ('gn3', 'bias'): 'c/group_norm/beta',
    ('conv3', 'kernel'): 'c/standardized_conv2d/kernel',
  }.items():
    assert (unit[ours[0]][ours[1]] == value[f'{prefix}/{theirs}']).all()
  params = checkpoint.params
  root = 'resnet/root_block/standardized_conv2d/kernel'
  assert (params['root']['kernel'] == value[root]).all()
  assert (params['norm']['scale'] == value['resnet/group_norm/gamma']).all()
  assert params['head']['kernel'].shape == (2048, 10)
  assert checkpoint.metadata.class_names == tuple(
    f'class_{i}' for i in range(10)
  )
  expected = resnet_v2.parameter_shapes(
    resnet_v2.create('R50x1', num_classes=10)
  )
  assert jax.tree.map(np.shape, params) == jax.tree.map(np.shape, expected)


def test_round_trip(tmp_path, random_params):
  params = random_params('tiny')
  metadata = metadata_lib.Metadata(
    class_names=('Normal', 'CP', 'NCP'),
    preprocessing={
      'box': 'annotated',
      'crop': 64,
      'antialias': False,
      'range_16bit': [0, 9],
    },
    window=(-600.0, 1500.0),
    facts={'seed': 3},
  )
  path = tmp_path / 'model.npz'
  bit_npz.save(path, params, model_name='tiny', metadata=metadata)
  checkpoint = bit_npz.load(path)
  assert checkpoint.model_name == 'tiny'
  assert checkpoint.metadata == metadata
  _assert_trees_equal(checkpoint.params, params)
  assert [file.name for file in tmp_path.iterdir()] == ['model.npz']


def test_other_loaders_find_their_keys_and_one_that_they_pass_over(
  tmp_path, random_params
):
  path = tmp_path / 'model.npz'
  bit_npz.save(
    path, random_params('tiny'), model_name='tiny', metadata=METADATA
  )
  with np.load(path, allow_pickle=False) as file:
    keys = set(file.files)
    text = file['bit_covid/metadata'].tobytes()
    kernel = file['resnet/head/conv2d/kernel']
  assert keys == {*bit_npz.expected_shapes('tiny', 3), 'bit_covid/metadata'}
  assert kernel.shape == (1, 1, 512, 3)
  assert json.loads(text)['class_names'] == ['Normal', 'CP', 'NCP']


def test_a_flipped_byte_anywhere_is_found(tmp_path, random_params):
  path = tmp_path / 'model.npz'
  bit_npz.save(
    path, random_params('tiny'), model_name='tiny', metadata=METADATA
  )
  content = path.read_bytes()
  for place in np.random.default_rng(0).integers(len(content), size=20):
    flipped = bytearray(content)
    flipped[place] ^= 16
    path.write_bytes(flipped)
    # Also in the head, which is not read if there is a new one.
    with pytest.raises(ValueError, match=r'model\.npz: '):
      bit_npz.load(path, num_classes=5)


def test_new_head_is_zeros_of_any_size(tmp_path, saved):
  arrays, params = saved
  path = _savez(tmp_path / 'a.npz', arrays)
  loaded = bit_npz.load(path, num_classes=7).params
  np.testing.assert_array_equal(loaded['head']['kernel'], np.zeros((512, 7)))
  np.testing.assert_array_equal(loaded['head']['bias'], np.zeros(7))
  del loaded['head']
  rest = {key: value for key, value in params.items() if key != 'head'}
  _assert_trees_equal(loaded, rest)


def test_new_head_has_no_temperature(tmp_path, random_params):
  # It was fitted to the logits of the old one.
  metadata = metadata_lib.Metadata(
    ('a', 'b', 'c'), window=(-600.0, 1500.0), temperature=1.5
  )
  path = tmp_path / 'a.npz'
  bit_npz.save(
    path, random_params('tiny'), model_name='tiny', metadata=metadata
  )
  assert bit_npz.load(path).metadata.temperature == 1.5
  found = bit_npz.load(path, num_classes=3).metadata
  assert (found.temperature, found.window) == (None, (-600, 1500))


@pytest.mark.parametrize(
  ('name', 'renamed'),
  [
    ('standardized_conv2d/', 'standardized_conv2d_{}/'),
    ('a/proj/standardized_conv2d/kernel', 'a/proj/conv/w'),
  ],
  ids=['numbered', 'projection'],
)
def test_other_names_of_convolutions(tmp_path, saved, name, renamed):
  arrays, params = saved
  others = {
    key.replace(name, renamed.format(i)): value
    for i, (key, value) in enumerate(arrays.items())
  }
  assert set(others) != set(arrays)
  path = _savez(tmp_path / 'a.npz', others)
  _assert_trees_equal(bit_npz.load(path).params, params)


def test_norm_parameters_of_four_dimensions(tmp_path, saved):
  arrays, params = saved
  old = {
    key: value[None, None, None] if 'group_norm' in key else value
    for key, value in arrays.items()
  }
  path = _savez(tmp_path / 'a.npz', old)
  _assert_trees_equal(bit_npz.load(path).params, params)


def test_all_problems_are_listed_at_once(tmp_path, saved):
  arrays, _ = saved
  root = 'resnet/root_block/standardized_conv2d/kernel'
  conv = 'resnet/block2/unit01/b/standardized_conv2d/kernel'
  norm = 'resnet/block3/unit01/c/group_norm/gamma'
  del arrays[norm]
  arrays[conv] = arrays[conv][:, :, :, :-1]
  arrays['resnet/block9/unit01/x'] = np.zeros(3, np.float32)
  path = _savez(tmp_path / 'a.npz', arrays)
  with pytest.raises(ValueError) as error:  # noqa: PT011
    bit_npz.load(path, model_name='tiny')
  message = str(error.value)
  assert f'missing: {norm}' in message
  assert 'extra: resnet/block9/unit01/x' in message
  assert f'ill-shaped: {conv} is (3, 3, 32, 31), expected (3, 3, 32, 32)' in (
    message
  )
  assert root not in message


def test_shapes_are_checked_before_arrays_are_allocated(
  tmp_path, saved, monkeypatch
):
  arrays, _ = saved
  arrays['resnet/group_norm/gamma'] = np.zeros(7, np.float32)
  path = _savez(tmp_path / 'a.npz', arrays)
  monkeypatch.setattr(
    np.lib.format, 'read_array', lambda *args, **kwargs: pytest.fail('read')
  )
  with pytest.raises(ValueError, match='ill-shaped'):
    bit_npz.load(path)


def test_file_of_another_size_than_asked_for(tmp_path, saved):
  path = _savez(tmp_path / 'a.npz', saved[0])
  with pytest.raises(ValueError, match='does not hold the parameters of R50x1'):
    bit_npz.load(path, model_name='R50x1')


def test_file_that_is_no_resnet(tmp_path):
  path = _savez(tmp_path / 'a.npz', {'x': np.zeros(3, np.float32)})
  with pytest.raises(ValueError, match=r'no known model.*R50x1'):
    bit_npz.load(path)


def test_two_names_for_one_array(tmp_path, saved):
  arrays, _ = saved
  key = 'resnet/root_block/standardized_conv2d/kernel'
  arrays[key.replace('2d/', '2d_1/')] = arrays[key]
  path = _savez(tmp_path / 'a.npz', arrays)
  with pytest.raises(ValueError, match='both stand for'):
    bit_npz.load(path)


@pytest.mark.parametrize(
  'text',
  [
    '{',
    '[]',
    '{"class_names": [1, 2, 3]}',
    '{"class_names": ["a"], "preprocessing": null, "window": null,'
    ' "facts": {}}',
  ],
)
def test_damaged_metadata(tmp_path, saved, text):
  arrays, _ = saved
  arrays['bit_covid/metadata'] = np.frombuffer(text.encode(), np.uint8)
  path = _savez(tmp_path / 'a.npz', arrays)
  with pytest.raises(ValueError, match=r'metadata is damaged|class names for'):
    bit_npz.load(path)


def test_save_refuses_what_it_could_not_load(tmp_path, random_params):
  params = random_params('tiny')
  with pytest.raises(ValueError, match='2 class names for 3 logits'):
    bit_npz.save(
      tmp_path / 'a.npz',
      params,
      model_name='tiny',
      metadata=metadata_lib.Metadata(('a', 'b')),
    )
  with pytest.raises(ValueError, match='does not hold the parameters of R50x1'):
    bit_npz.save(
      tmp_path / 'a.npz', params, model_name='R50x1', metadata=METADATA
    )
  assert not list(tmp_path.iterdir())
