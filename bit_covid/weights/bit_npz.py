# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""BiT's .npz files <-> the parameter tree of `resnet_v2`.

    checkpoint = bit_npz.load(path, num_classes=3)    # a new head of zeros
    checkpoint = bit_npz.load(path)                   # the head of the file
    bit_npz.save(path, checkpoint.params, model_name='R50x1', metadata=...)

The public files hold flat keys such as
`resnet/block1/unit01/a/standardized_conv2d/kernel`; `bit_jax/tf2jax.py` of BiT
is the source of their meaning. A file of ours has the same keys, so that any
BiT loader reads it, and one more array that other loaders pass over: the
metadata, as the bytes of a JSON text.
"""

import collections
from collections.abc import Mapping
import dataclasses
import os
import re
from typing import Any

from etils import epath
from flax import traverse_util
import jax
import numpy as np

from bit_covid.base import files
from bit_covid.models import resnet_v2
from bit_covid.weights import metadata as metadata_lib
from bit_covid.weights import npz_archive

_METADATA_KEY = 'bit_covid/metadata'
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


# Shapes of a network's parameters, by their path in the tree.
_Leaves = Mapping[tuple[str, ...], jax.ShapeDtypeStruct]


@dataclasses.dataclass(frozen=True)
class Checkpoint:
  """A file that was read and checked.

  Attributes:
    model_name: a key of `resnet_v2.MODELS`.
    params: the parameter tree of that network, float32.
    metadata: of the file; if it has none, only class names made from numbers.
  """

  model_name: str
  params: Mapping[str, Any]
  metadata: metadata_lib.Metadata


def load(
  path: str | os.PathLike[str],
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
      before any parameter is allocated.
  """
  headers = _canonical(npz_archive.read_headers(path), path)
  metadata_header = headers.pop(_METADATA_KEY, None)
  model_name = model_name or _infer_model(headers, path)
  leaves = _check(headers, model_name, path)
  num_logits = headers[_HEAD_BIAS].shape[0]
  metadata = metadata_lib.unknown(num_logits)
  if metadata_header is not None:
    metadata = _read_metadata(path, metadata_header, num_logits)
  if num_classes is None:
    arrays = npz_archive.read_arrays(path, headers, headers)
    return Checkpoint(model_name, _to_params(arrays, leaves), metadata)
  # A head of 21,843 classes is two thirds of BiT-M-R50x1: it is left unread.
  keys = set(headers) - {_HEAD_KERNEL, _HEAD_BIAS}
  arrays = npz_archive.read_arrays(path, headers, keys)
  features = resnet_v2.MODELS[model_name].num_features
  arrays[_HEAD_KERNEL] = np.zeros((1, 1, features, num_classes), np.float32)
  arrays[_HEAD_BIAS] = np.zeros(num_classes, np.float32)
  names = metadata_lib.unknown(num_classes).class_names
  # A temperature is fitted to the logits of one head.
  metadata = dataclasses.replace(metadata, class_names=names, temperature=None)
  return Checkpoint(model_name, _to_params(arrays, leaves), metadata)


def _read_metadata(
  path: str | os.PathLike[str], header: npz_archive.Header, num_logits: int
) -> metadata_lib.Metadata:
  if np.prod(header.shape) > metadata_lib.MAX_BYTES:
    raise ValueError(
      f'{path}: metadata of the shape {header.shape}; expected at most '
      f'{metadata_lib.MAX_BYTES} bytes.'
    )
  content = npz_archive.read_arrays(
    path, {_METADATA_KEY: header}, [_METADATA_KEY]
  )
  return metadata_lib.from_bytes(
    content[_METADATA_KEY], num_logits=num_logits, path=path
  )


def save(
  path: str | os.PathLike[str],
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
  headers = {
    key: npz_archive.Header(array.shape, array.dtype, key)
    for key, array in arrays.items()
  }
  _check(headers, model_name, path)
  num_classes = arrays[_HEAD_BIAS].shape[0]
  if len(metadata.class_names) != num_classes:
    raise ValueError(
      f'{len(metadata.class_names)} class names for {num_classes} logits.'
    )
  arrays[_METADATA_KEY] = metadata_lib.to_bytes(metadata)
  files.write_npz(epath.Path(path), arrays)


def expected_shapes(
  model_name: str, num_classes: int
) -> Mapping[str, tuple[int, ...]]:
  """Returns the shape of every array in a file of that model, by key."""
  return _file_shapes(_leaves(model_name, num_classes=num_classes))


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
  """Returns the parameter tree of arrays that passed `_check`."""
  params = {}
  for path, leaf in leaves.items():
    array = arrays[_to_key(path)]
    # In the file the head is a 1x1 convolution, and files from older versions
    # of Flax hold the norms' parameters as [1, 1, 1, C]. The number of classes
    # is that of the array, as the head may be a new one.
    params[path] = array.reshape(array.shape[array.ndim - leaf.ndim :])
  return traverse_util.unflatten_dict(params)


def _file_shapes(leaves: _Leaves) -> dict[str, tuple[int, ...]]:
  """Returns the shape of each array in a file with these parameters."""
  shapes = {_to_key(path): leaf.shape for path, leaf in leaves.items()}
  shapes[_HEAD_KERNEL] = (1, 1, *shapes[_HEAD_KERNEL])
  return shapes


def _leaves(model_name: str, *, num_classes: int) -> _Leaves:
  """Returns the shapes of the network's parameters, by path in the tree."""
  network = resnet_v2.create(model_name, num_classes=num_classes)
  return traverse_util.flatten_dict(resnet_v2.parameter_shapes(network))


def _to_key(path: tuple[str, ...]) -> str:
  *parents, module, leaf = path
  if module in ('norm', 'gn1', 'gn2', 'gn3'):
    leaf = _NORM_LEAVES[leaf]
  return '/'.join(['resnet', *parents, _MODULES[module], leaf])


def _canonical(
  headers: Mapping[str, npz_archive.Header], path: str | os.PathLike[str]
) -> dict[str, npz_archive.Header]:
  """Returns the headers under the names that most files have.

  TensorFlow 1 numbered layers of the same name, `standardized_conv2d_<N>`; only
  some exports kept the numbers. A projection is recognized by `a/proj` alone,
  as in BiT's `tf2jax.py`.
  """
  canonical = {}
  for key, header in headers.items():
    key = re.sub(r'/standardized_conv2d_\d+/', '/standardized_conv2d/', key)
    key = re.sub(r'/a/proj/.*', '/a/proj/standardized_conv2d/kernel', key)
    if key in canonical:
      raise ValueError(
        f'{path}: {canonical[key].member!r} and {header.member!r} both stand '
        f'for {key!r}.'
      )
    canonical[key] = header
  return canonical


def _infer_model(
  headers: Mapping[str, npz_archive.Header], path: str | os.PathLike[str]
) -> str:
  """Returns the size whose blocks, units and root have these headers."""
  root = headers.get('resnet/root_block/standardized_conv2d/kernel')
  width = root.shape[-1] if root is not None and root.shape else None
  units = {tuple(key.split('/')[1:3]) for key in headers if '/unit' in key}
  blocks = collections.Counter(block for block, _ in units)
  depth = tuple(blocks[f'block{i + 1}'] for i in range(len(blocks)))
  for name, size in resnet_v2.MODELS.items():
    if (size.block_units, size.width) == (depth, width):
      return name
  known = ', '.join(
    f'{name} {size.block_units} x {size.width}'
    for name, size in resnet_v2.MODELS.items()
  )
  raise ValueError(
    f'{path}: blocks of {depth} units and a root of {width} channels are no '
    f'known model. Known: {known}. Is this a BiT ResNet file?'
  )


def _check(
  headers: Mapping[str, npz_archive.Header],
  model_name: str,
  path: str | os.PathLike[str],
) -> _Leaves:
  """Returns the shapes of the model's parameters, by path in the tree.

  Raises:
    ValueError: keys and shapes are not exactly the model's.
  """
  head = headers.get(_HEAD_BIAS)
  num_classes = head.shape[0] if head is not None and head.shape else 1
  leaves = _leaves(model_name, num_classes=num_classes)
  expected = _file_shapes(leaves)
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
  return leaves
