# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Finds and checks the tensors of a TensorFlow 1 graph, by their names."""

from collections.abc import Mapping, Sequence
import dataclasses
from typing import NamedTuple

# Imported first, as it decides how TensorFlow starts.
import input_pipeline  # noqa: F401 # isort: skip

import tensorflow as tf

from input_pipeline import conventions

# The placeholder that switches batch normalization to training, where a graph
# has one.
TRAINING = 'is_training:0'
# Tensors of each kind that a message lists.
_LISTED = 12


@dataclasses.dataclass(frozen=True)
class Tensors:
  """Names of tensors of a graph; the defaults are those of public checkpoints.

  Attributes:
    image: `[N, S, S, 3]` float32 in [0, 1].
    probabilities: `[N, C]`, in the order of the labels.
    training: bool, fed False; '': `is_training:0` where the graph has it.
    features: `[N, F]` or `[N, 1, 1, F]`; '': none.
  """

  image: str = 'Placeholder:0'
  probabilities: str = 'softmax_tensor:0'
  training: str = ''
  features: str = ''


class Ports(NamedTuple):
  """The inputs and outputs of a graph; see `graph.Network`."""

  image: tf.Tensor
  fetches: Mapping[str, tf.Tensor]
  feeds: Mapping[str, bool]
  size: int
  batch: int | None


def find_ports(graph: tf.Graph, tensors: Tensors, *, size: int | None) -> Ports:
  """Returns the inputs and outputs of a graph.

  Args:
    graph: the graph.
    tensors: their names.
    size: side of the images in pixels; None for that of the graph, or 512.

  Raises:
    ValueError: a tensor is missing or has another shape, or the graph needs
      further inputs.
  """
  image = _find(graph, tensors.image, '--image')
  size, batch = _image_shape(image, size)
  names = {'probabilities': tensors.probabilities, 'features': tensors.features}
  fetches = {
    key: _find(graph, name, f'--{key}') for key, name in names.items() if name
  }
  _check_outputs(graph, fetches)
  switches = _find_switches(graph, tensors.training)
  _check_reached(fetches, fed=[image, *switches])
  # By name: tensors cannot be keys of a dictionary.
  feeds = {switch.name: False for switch in switches}
  return Ports(image, fetches, feeds, size, batch)


def _find(graph: tf.Graph, name: str, flag: str) -> tf.Tensor:
  """Returns a tensor; the error lists tensors that may be meant."""
  try:
    return graph.get_tensor_by_name(name)
  except (KeyError, ValueError) as error:
    raise ValueError(
      f'{flag}={name}: the graph has no such tensor. {candidates(graph)}'
    ) from error


def candidates(graph: tf.Graph) -> str:
  """Returns a sentence with placeholders and possible probabilities."""
  classes = len(conventions.COVIDX_CT)
  # Placeholders of text are file names of the saver.
  inputs = [x for x in _placeholders(graph) if x.dtype != tf.string]
  outputs = [
    x
    for operation in graph.get_operations()
    for x in operation.outputs
    if x.dtype.is_floating
    and x.shape.rank == 2
    and x.shape.as_list() == [None, classes]
  ]
  # The last ones, as probabilities are computed at the end.
  return (
    f'Its placeholders: {_listed(inputs[:_LISTED])}. Tensors '
    f'[N, {classes}]: {_listed(outputs[-_LISTED:])}.'
  )


def _placeholders(graph: tf.Graph) -> list[tf.Tensor]:
  return [
    operation.outputs[0]
    for operation in graph.get_operations()
    if operation.type in ('Placeholder', 'PlaceholderWithDefault')
  ]


def _listed(tensors: Sequence[tf.Tensor]) -> str:
  return ', '.join(f'{x.name} ({_shape(x)})' for x in tensors) or 'none'


def _shape(tensor: tf.Tensor) -> str:
  return f'{tensor.dtype.name} {tensor.shape}'


def _image_shape(image: tf.Tensor, size: int | None) -> tuple[int, int | None]:
  """Returns the side of the images and the batch size if the graph fixes it."""
  if size is None:
    sides = image.shape.as_list()[1:3] if image.shape.rank == 4 else ()
    size = next((side for side in sides if side), 512)
  if image.dtype != tf.float32 or not image.shape.is_compatible_with(
    (None, size, size, 3)
  ):
    raise ValueError(
      f'--image={image.name} is {_shape(image)}; expected float32 '
      f'[N, {size}, {size}, 3]. Give another tensor, or the side with --size. '
      + candidates(image.graph)
    )
  return size, image.shape[0] if image.shape.rank else None


def _check_outputs(graph: tf.Graph, fetches: Mapping[str, tf.Tensor]) -> None:
  probabilities = fetches['probabilities']
  classes = len(conventions.COVIDX_CT)
  if (
    not probabilities.dtype.is_floating
    or not probabilities.shape.is_compatible_with((None, classes))
  ):
    raise ValueError(
      f'--probabilities={probabilities.name} is {_shape(probabilities)}; '
      f'expected [N, {classes}], a probability for each of '
      f'{", ".join(conventions.COVIDX_CT)}. {candidates(graph)}'
    )
  features = fetches.get('features')
  if features is not None and not (
    features.dtype.is_floating
    and any(
      features.shape.is_compatible_with(shape)
      for shape in ((None, None), (None, 1, 1, None))
    )
  ):
    raise ValueError(
      f'--features={features.name} is {_shape(features)}; expected [N, F] or '
      '[N, 1, 1, F], such as the mean over all positions.'
    )


def _find_switches(graph: tf.Graph, name: str) -> list[tf.Tensor]:
  """Returns the tensors, at most one, that switch the graph to training."""
  if not name:
    return [x for x in _placeholders(graph) if x.name == TRAINING]
  switch = _find(graph, name, '--training')
  if switch.dtype != tf.bool:
    raise ValueError(
      f'--training={name} is {_shape(switch)}; expected a bool, to be fed '
      f'False. {candidates(graph)}'
    )
  return [switch]


def _check_reached(
  fetches: Mapping[str, tf.Tensor], *, fed: Sequence[tf.Tensor]
) -> None:
  """Raises ValueError if the fetches depend on a placeholder that is not fed.

  Args:
    fetches: the outputs.
    fed: the image, then all other tensors that are fed.
  """
  image, stop = fed[0], {x.op for x in fed}
  seen, ahead = set(), [x.op for x in fetches.values()]
  while ahead:
    operation = ahead.pop()
    if operation in seen:
      continue
    seen.add(operation)
    if operation not in stop:
      ahead += [*(x.op for x in operation.inputs), *operation.control_inputs]
  if image.op not in seen:
    raise ValueError(
      f'{", ".join(x.name for x in fetches.values())}: not made from '
      f'--image={image.name}. {candidates(image.graph)}'
    )
  missing = [
    operation.outputs[0]
    for operation in seen - stop
    if operation.type == 'Placeholder'
  ]
  if missing:
    raise ValueError(
      f'The graph also needs {_listed(missing)}. If that says whether it '
      'trains, name it with --training; nothing else can be fed.'
    )
