# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""BiT's .npz files <-> the parameter tree of `resnet_v2`.

    checkpoint = bit_npz.load(path, num_classes=3)    # a new head of zeros
    checkpoint = bit_npz.load(path)                   # the head of the file
    bit_npz.save(path, checkpoint.params, model='R50x1', metadata=...)

The public files hold flat keys such as
`resnet/block1/unit01/a/standardized_conv2d/kernel`; `bit_jax/tf2jax.py` of BiT
is the source of their meaning. A file of ours has the same keys, so that any
BiT loader reads it, and one more array that other loaders pass over: the
metadata, as the bytes of a JSON text.
"""

import collections
from collections.abc import Iterable, Mapping
import dataclasses
import json
import os
import re
from typing import Any

from etils import epath
from flax import traverse_util
import jax
import numpy as np

from bit_covid import npz_archive
from bit_covid import resnet_v2

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


@dataclasses.dataclass(frozen=True)
class Metadata:
  """What a file says of its model besides the parameters.

  Attributes:
    class_names: in the order of the logits.
    preprocessing: how images were prepared, as `input_pipeline` names it; None
      in a file that is not ours.
    window: `[center, width]` in Hounsfield units behind gray values 0 to 255;
      None where the images were not CT or their window is not known.
    facts: how the file came about (seed, steps, versions).
  """

  class_names: tuple[str, ...]
  preprocessing: Mapping[str, Any] | None = None
  window: tuple[float, float] | None = None
  facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Checkpoint:
  """A file that was read and checked.

  Attributes:
    model: a key of `resnet_v2.MODELS`.
    params: the parameter tree of that network, float32.
    metadata: with names made up from the numbers if the file has none.
  """

  model: str
  params: Mapping[str, Any]
  metadata: Metadata


def load(
  path: str | os.PathLike[str],
  *,
  model: str | None = None,
  num_classes: int | None = None,
) -> Checkpoint:
  """Returns the checkpoint in a BiT .npz file.

  Args:
    path: a public file of BiT or one written by `save`.
    model: the size that the file must have; None: the size that it has.
    num_classes: a new head of zeros with so many classes, as in BiT's fine-
      tuning; None: the head of the file.

  Raises:
    ValueError: the file is unsafe or damaged, or its keys and shapes are not
      exactly those of the model; the message lists each of them. No array of
      it has been allocated by then.
  """
  headers = _canonical(npz_archive.read_headers(path), path)
  metadata_header = headers.pop(_METADATA_KEY, None)
  model = model or _infer_model(headers, path)
  _check(headers, model, path)
  keys = list(headers)
  if num_classes is not None:
    # A head of 21,843 classes is two thirds of BiT-M-R50x1: leave it unread.
    keys = [key for key in keys if key not in (_HEAD_KERNEL, _HEAD_BIAS)]
  arrays = npz_archive.read_arrays(path, headers, keys)
  metadata = _default_metadata(headers[_HEAD_BIAS].shape[0])
  if metadata_header is not None:
    metadata = _read_metadata(path, metadata_header, metadata)
  if num_classes is not None:
    features = resnet_v2.MODELS[model].num_features
    arrays[_HEAD_KERNEL] = np.zeros((1, 1, features, num_classes), np.float32)
    arrays[_HEAD_BIAS] = np.zeros(num_classes, np.float32)
  return Checkpoint(model, _to_params(arrays), metadata)


def save(
  path: str | os.PathLike[str],
  params: Mapping[str, Any],
  *,
  model: str,
  metadata: Metadata,
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
  _check(headers, model, path)
  num_classes = arrays[_HEAD_BIAS].shape[0]
  if len(metadata.class_names) != num_classes:
    raise ValueError(
      f'{len(metadata.class_names)} class names for {num_classes} logits.'
    )
  text = json.dumps({'model': model, **dataclasses.asdict(metadata)})
  arrays[_METADATA_KEY] = np.frombuffer(text.encode(), np.uint8)
  path = epath.Path(path)
  # A reader, or a crash, never meets half a file.
  partial = path.with_name(f'.{path.name}.partial')
  with partial.open('wb') as file:
    np.savez(file, **arrays)
  partial.replace(path)


def expected_shapes(
  model: str, num_classes: int
) -> Mapping[str, tuple[int, ...]]:
  """Returns the shape of every array in a file of that model, by key."""
  network = resnet_v2.create(model, num_classes=num_classes)
  flat = traverse_util.flatten_dict(resnet_v2.parameter_shapes(network))
  shapes = {_to_key(path): leaf.shape for path, leaf in flat.items()}
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


def _to_params(arrays: Mapping[str, np.ndarray]) -> Mapping[str, Any]:
  """Returns the parameter tree of arrays that passed `_check`."""
  flat = {}
  for key, array in arrays.items():
    path = _to_path(key)
    if key == _HEAD_KERNEL:
      array = array[0, 0]
    # Trees of older Flax versions hold the norms' parameters as [1, 1, 1, C].
    flat[path] = array.reshape(-1) if path[-1] in _NORM_LEAVES else array
  return traverse_util.unflatten_dict(flat)


def _to_key(path: tuple[str, ...]) -> str:
  *parents, module, leaf = path
  if module in ('norm', 'gn1', 'gn2', 'gn3'):
    leaf = _NORM_LEAVES[leaf]
  return '/'.join(['resnet', *parents, _MODULES[module], leaf])


def _to_path(key: str) -> tuple[str, ...]:
  parents, rest = re.fullmatch(
    r'resnet/((?:block\d/unit\d\d/)?)(.+)', key
  ).groups()
  module, leaf = rest.rsplit('/', 1)
  names = {name: path for path, name in _MODULES.items()}
  leaves = {name: path for path, name in _NORM_LEAVES.items()}
  return (
    *parents.split('/')[:-1],
    names[module],
    leaves.get(leaf, leaf),
  )


def _canonical(
  headers: Mapping[str, npz_archive.Header], path: str | os.PathLike[str]
) -> dict[str, npz_archive.Header]:
  """Returns the headers with `standardized_conv2d_<N>` named as in most files.

  TensorFlow 1 numbered layers of one name; which files have the numbers is a
  matter of how each was exported.
  """
  canonical = {}
  for key, header in headers.items():
    key = re.sub(r'/standardized_conv2d_\d+/', '/standardized_conv2d/', key)
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
  model: str,
  path: str | os.PathLike[str],
) -> None:
  """Raises ValueError unless keys and shapes are exactly the model's."""
  head = headers.get(_HEAD_BIAS)
  num_classes = head.shape[0] if head is not None and head.shape else 1
  expected = expected_shapes(model, num_classes)
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
      f'{path} does not hold the parameters of {model}:\n  '
      + '\n  '.join(problems)
    )


def _default_metadata(num_classes: int) -> Metadata:
  return Metadata(tuple(f'class_{i}' for i in range(num_classes)))


def _read_metadata(
  path: str | os.PathLike[str],
  header: npz_archive.Header,
  default: Metadata,
) -> Metadata:
  limit = 1 << 20
  if header.dtype != np.uint8 or len(header.shape) != 1:
    raise ValueError(f'{path}: {_METADATA_KEY!r} is not the bytes of a text.')
  if header.shape[0] > limit:
    raise ValueError(
      f'{path}: metadata of {header.shape[0]} bytes; at most {limit}.'
    )
  arrays = npz_archive.read_arrays(
    path, {_METADATA_KEY: header}, [_METADATA_KEY]
  )
  try:
    fields = json.loads(arrays[_METADATA_KEY].tobytes())
    names = _as_strings(fields['class_names'])
    window = fields['window']
    metadata = Metadata(
      class_names=names,
      preprocessing=fields['preprocessing'],
      window=None if window is None else (float(window[0]), float(window[1])),
      facts=fields['facts'],
    )
  except (ValueError, KeyError, TypeError, IndexError) as error:
    raise ValueError(f'{path}: the metadata is damaged: {error!r}') from error
  if len(names) != len(default.class_names):
    raise ValueError(
      f'{path}: {len(names)} class names for {len(default.class_names)} logits.'
    )
  return metadata


def _as_strings(names: Iterable[Any]) -> tuple[str, ...]:
  names = tuple(names)
  if not all(isinstance(name, str) for name in names):
    raise TypeError(f'class names are not all text: {names}')
  return names
