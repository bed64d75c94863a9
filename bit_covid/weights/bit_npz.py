# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Reads BiT's .npz files as the parameter tree of `resnet_v2`, and writes them.

The public files hold flat keys such as
`resnet/block1/unit01/a/standardized_conv2d/kernel`; `bit_jax/tf2jax.py` of BiT
is the source of their meaning. A file of ours has the same keys, so that any
BiT loader reads it, and one more array that other loaders pass over: the
metadata, as the bytes of a JSON text.
"""

import collections
from collections.abc import Mapping
import dataclasses
import functools
import os
import re
from typing import Any

from etils import epath
from flax import traverse_util
import jax
import numpy as np

from bit_covid.base import files
from bit_covid.models import ensemble
from bit_covid.models import resnet_v2
from bit_covid.weights import metadata as metadata_lib
from bit_covid.weights import npz_archive

_HEAD_KERNEL = 'resnet/head/conv2d/kernel'
_HEAD_BIAS = 'resnet/head/conv2d/bias'

# Names in the tree (left) and in the file.
_MODULES = {
  'root': 'root_block/standardized_conv2d',
  'gn1': 'a/group_norm',
  'conv1': 'a/standardized_conv2d',
  'conv_proj': 'a/proj/standardized_conv2d',
  'gn2': 'b/group_norm',
  'conv2': 'b/standardized_conv2d',
  'gn3': 'c/group_norm',
  'conv3': 'c/standardized_conv2d',
  'norm': 'group_norm',
  'head': 'head/conv2d',
}
_NORM_LEAVES = {'scale': 'gamma', 'bias': 'beta'}

_Path = str | os.PathLike[str]
_Headers = Mapping[str, npz_archive.Header]
# Shapes of a network's parameters, by their path in the tree.
_Leaves = Mapping[tuple[str, ...], jax.ShapeDtypeStruct]


@dataclasses.dataclass(frozen=True)
class Checkpoint:
  """A network's name in `resnet_v2.MODELS`, parameters and metadata."""

  model_name: str
  # The parameter tree, float32.
  params: Mapping[str, Any]
  # If the file has none, only class names made from numbers.
  metadata: metadata_lib.Metadata

  def create_model(self) -> ensemble.Model:
    """Returns the Flax module of the parameters."""
    return resnet_v2.create(
      self.model_name, num_classes=len(self.metadata.class_names)
    )


def load(
  path: _Path,
  *,
  model_name: str | None = None,
  num_classes: int | None = None,
) -> Checkpoint:
  """Returns the checkpoint in a BiT .npz file.

  Args:
    path: a public file of BiT or one written by `save`.
    model_name: the size that the file must have; None: the size that it has.
    num_classes: number of classes of a new head of zeros, as in BiT's fine-
      tuning; None keeps the head of the file.

  Raises:
    ValueError: the file is unsafe or damaged, or its keys and shapes are not
      exactly those of the model; the message lists each difference. Raised
      before any parameter is allocated. Or a parameter is no finite number.
  """
  headers = _read_headers(path)
  metadata_header = headers.pop(metadata_lib.KEY, None)
  model_name = model_name or _infer_model(headers, path)
  num_logits = _check(headers, model_name, path)
  metadata = metadata_lib.read(path, metadata_header, num_logits=num_logits)
  if num_classes is not None:
    # A head of 21,843 classes is two thirds of BiT-M-R50x1: it is left unread.
    del headers[_HEAD_KERNEL], headers[_HEAD_BIAS]
  arrays = npz_archive.read_arrays(path, headers)
  for key, array in arrays.items():
    if not np.isfinite(array).all():
      raise ValueError(f'{path}: {key} has values that are NaN or infinite.')
  if num_classes is not None:
    features = resnet_v2.MODELS[model_name].num_features
    arrays[_HEAD_KERNEL] = np.zeros((1, 1, features, num_classes), np.float32)
    arrays[_HEAD_BIAS] = np.zeros(num_classes, np.float32)
    names = metadata_lib.unknown(num_classes).class_names
    # A temperature is fitted to the logits of one head.
    metadata = dataclasses.replace(
      metadata, class_names=names, temperature=None
    )
  leaves = _leaves(model_name, num_logits)
  return Checkpoint(model_name, _to_params(arrays, leaves), metadata)


def identify(path: _Path) -> tuple[str, int]:
  """Returns the name of a file's network and its number of classes.

  Raises:
    ValueError: as `load`. No array is read.
  """
  headers = _read_headers(path)
  headers.pop(metadata_lib.KEY, None)
  model_name = _infer_model(headers, path)
  return model_name, _check(headers, model_name, path)


def save(
  path: _Path,
  params: Mapping[str, Any],
  *,
  model_name: str,
  metadata: metadata_lib.Metadata,
) -> None:
  """Writes the parameters in BiT's key format, whole or not at all.

  Raises:
    ValueError: the parameters are not those of the model, or the number of
      class names is not that of the logits.
  """
  arrays = to_arrays(params)
  _check(arrays, model_name, path)
  names, num_classes = metadata.class_names, len(arrays[_HEAD_BIAS])
  if len(names) != num_classes:
    raise ValueError(f'{len(names)} class names for {num_classes} logits.')
  arrays[metadata_lib.KEY] = metadata_lib.to_bytes(metadata)
  files.write_npz(epath.Path(path), arrays)


def expected_shapes(
  model_name: str, num_classes: int
) -> dict[str, tuple[int, ...]]:
  """Returns the shape of every array in a file of that model, by key."""
  leaves = _leaves(model_name, num_classes)
  shapes = {_to_key(path): leaf.shape for path, leaf in leaves.items()}
  shapes[_HEAD_KERNEL] = (1, 1, *shapes[_HEAD_KERNEL])
  return shapes


def to_arrays(params: Mapping[str, Any]) -> dict[str, np.ndarray]:
  """Returns the parameters as the file holds them: flat keys, float32."""
  flat = traverse_util.flatten_dict(jax.device_get(params))
  arrays = {
    _to_key(path): np.asarray(leaf, np.float32) for path, leaf in flat.items()
  }
  # The head of the file is a 1x1 convolution.
  arrays[_HEAD_KERNEL] = arrays[_HEAD_KERNEL][None, None]
  return arrays


def _to_params(
  arrays: Mapping[str, np.ndarray], leaves: _Leaves
) -> Mapping[str, Any]:
  params = {}
  for path, leaf in leaves.items():
    array = arrays[_to_key(path)]
    # In the file the head is a 1x1 convolution, and the norms' parameters may
    # be [1, 1, 1, C]. The last axis is the array's, as the head may be new.
    params[path] = array.reshape(array.shape[array.ndim - leaf.ndim :])
  return traverse_util.unflatten_dict(params)


def _leaves(model_name: str, num_classes: int) -> _Leaves:
  return _leaves_of(resnet_v2.create(model_name, num_classes=num_classes))


# A file is identified when it is found, and then loaded.
@functools.cache
def _leaves_of(network: resnet_v2.ResNetV2) -> _Leaves:
  return traverse_util.flatten_dict(resnet_v2.parameter_shapes(network))


def _to_key(path: tuple[str, ...]) -> str:
  *parents, module, leaf = path
  if module in ('norm', 'gn1', 'gn2', 'gn3'):
    leaf = _NORM_LEAVES[leaf]
  return '/'.join(['resnet', *parents, _MODULES[module], leaf])


def _read_headers(path: _Path) -> dict[str, npz_archive.Header]:
  # TensorFlow 1 numbered layers of the same name, `standardized_conv2d_<N>`;
  # only some exports kept the numbers. A projection is recognized by `a/proj`
  # alone, as in BiT's `tf2jax.py`.
  canonical = {}
  for key, header in npz_archive.read_headers(path).items():
    key = re.sub(r'/standardized_conv2d_\d+/', '/standardized_conv2d/', key)
    key = re.sub(r'/a/proj/.*', '/a/proj/standardized_conv2d/kernel', key)
    if key in canonical:
      raise ValueError(
        f'{path}: {canonical[key].member!r} and {header.member!r} both stand '
        f'for {key!r}.'
      )
    canonical[key] = header
  return canonical


def _infer_model(headers: _Headers, path: _Path) -> str:
  root = headers.get('resnet/root_block/standardized_conv2d/kernel')
  width = root.shape[-1] if root is not None and root.shape else None
  units = {tuple(key.split('/')[1:3]) for key in headers if '/unit' in key}
  blocks = collections.Counter(block for block, _ in units)
  depth = tuple(blocks[f'block{i + 1}'] for i in range(len(blocks)))
  known = []
  for name, size in resnet_v2.MODELS.items():
    if (size.block_units, size.width) == (depth, width):
      return name
    known.append(f'{name} {size.block_units} x {size.width}')
  raise ValueError(
    f'{path}: blocks of {depth} units and a root of {width} channels are no '
    f'known model. Known: {", ".join(known)}. Is this a BiT ResNet file?'
  )


def _check(
  headers: _Headers | Mapping[str, np.ndarray], model_name: str, path: _Path
) -> int:
  """Returns the number of classes.

  Raises:
    ValueError: keys or shapes are not those of the model; lists each of them.
  """
  head = headers.get(_HEAD_BIAS)
  num_classes = head.shape[0] if head is not None and head.shape else 1
  expected = expected_shapes(model_name, num_classes)
  problems = [f'missing: {key}' for key in sorted(set(expected) - set(headers))]
  problems += [f'extra: {key}' for key in sorted(set(headers) - set(expected))]
  for key in sorted(set(expected) & set(headers)):
    shape = headers[key].shape
    if key.endswith(('gamma', 'beta')) and shape[:-1] == (1, 1, 1):
      shape = shape[-1:]
    if shape != expected[key]:
      problems.append(f'ill-shaped: {key} is {shape}, expected {expected[key]}')
    if headers[key].dtype.newbyteorder('=') != np.float32:
      problems.append(f'not float32: {key} is {headers[key].dtype}')
  if problems:
    raise ValueError(
      f'{path} does not hold the parameters of {model_name}:\n  '
      + '\n  '.join(problems)
    )
  return num_classes
