# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Finds and checks the tensors of a TensorFlow 1 graph, by their names."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from input_pipeline import conventions
from input_pipeline.quiet_tensorflow import tf

# The placeholder that switches batch normalization to training, where a graph
# has one.
TRAINING = 'is_training:0'
# Tensors of each kind that a message lists.
_LISTED = 12
# Names of the tensors of public checkpoints, by the flags that change them:
# images `[N, S, S, 3]` float32 in [0, 1]; probabilities `[N, C]`, in the order
# of the labels; the bool that is fed False, '' for `TRAINING` where the graph
# has it; features `[N, F]` or `[N, 1, 1, F]`, '' for none.
NAMES = {
  'image': 'Placeholder:0',
  'probabilities': 'softmax_tensor:0',
  'training': '',
  'features': '',
}


class Ports(NamedTuple):
  """The inputs and outputs of a graph for images of `size` pixels a side.

  `feeds` are other inputs than the image, the same for each batch, by the names
  of their tensors. `batch` is the number of slices if the graph fixes it.
  """

  image: tf.Tensor
  fetches: Mapping[str, tf.Tensor]
  feeds: Mapping[str, bool]
  size: int
  batch: int | None


def find_ports(
  graph: tf.Graph, names: Mapping[str, str], *, size: int | None
) -> Ports:
  """Returns the checked inputs and outputs of a graph.

  Args:
    graph: the graph.
    names: names of its tensors, with the keys of `NAMES`.
    size: side of the images in pixels; None for that of the graph, or 512.
  """
  image = _find(graph, names['image'], '--image')
  size, batch = _image_shape(image, size)
  fetches = {
    key: _find(graph, names[key], f'--{key}')
    for key in ('probabilities', 'features')
    if names[key] or key == 'probabilities'
  }
  _check_outputs(graph, fetches)
  switches = _find_switches(graph, names['training'])
  _check_inputs(fetches, image, switches)
  # By name: tensors cannot be keys of a dictionary.
  feeds = {switch.name: False for switch in switches}
  return Ports(image, fetches, feeds, size, batch)


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


def _find(graph: tf.Graph, name: str, flag: str) -> tf.Tensor:
  try:
    return graph.get_tensor_by_name(name)
  except (KeyError, ValueError) as error:
    raise ValueError(
      f'{flag}={name}: the graph has no such tensor. {candidates(graph)}'
    ) from error


def _placeholders(graph: tf.Graph) -> list[tf.Tensor]:
  kinds = ('Placeholder', 'PlaceholderWithDefault')
  return [x.outputs[0] for x in graph.get_operations() if x.type in kinds]


def _listed(tensors: Sequence[tf.Tensor]) -> str:
  return ', '.join(f'{x.name} ({_shape(x)})' for x in tensors) or 'none'


def _shape(tensor: tf.Tensor) -> str:
  return f'{tensor.dtype.name} {tensor.shape}'


def _fits(tensor: tf.Tensor, *shapes: tuple[int | None, ...]) -> bool:
  return tensor.dtype.is_floating and any(
    tensor.shape.is_compatible_with(shape) for shape in shapes
  )


def _image_shape(image: tf.Tensor, size: int | None) -> tuple[int, int | None]:
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
  probabilities, features = fetches['probabilities'], fetches.get('features')
  classes = len(conventions.COVIDX_CT)
  if not _fits(probabilities, (None, classes)):
    raise ValueError(
      f'--probabilities={probabilities.name} is {_shape(probabilities)}; '
      f'expected [N, {classes}], a probability for each of '
      f'{", ".join(conventions.COVIDX_CT)}. {candidates(graph)}'
    )
  if features is not None and not _fits(
    features, (None, None), (None, 1, 1, None)
  ):
    raise ValueError(
      f'--features={features.name} is {_shape(features)}; expected [N, F] or '
      '[N, 1, 1, F], such as the mean over all positions.'
    )


def _find_switches(graph: tf.Graph, name: str) -> list[tf.Tensor]:
  if not name:
    return [x for x in _placeholders(graph) if x.name == TRAINING]
  switch = _find(graph, name, '--training')
  if switch.dtype != tf.bool:
    raise ValueError(
      f'--training={name} is {_shape(switch)}; expected a bool, to be fed '
      f'False. {candidates(graph)}'
    )
  return [switch]


def _check_inputs(
  fetches: Mapping[str, tf.Tensor],
  image: tf.Tensor,
  switches: Sequence[tf.Tensor],
) -> None:
  # The fetches must depend on the image and, besides switches, on no other
  # placeholder.
  fed = {x.op for x in (image, *switches)}
  seen, ahead = set(), [x.op for x in fetches.values()]
  while ahead:
    operation = ahead.pop()
    if operation not in seen | fed:
      ahead += [*(x.op for x in operation.inputs), *operation.control_inputs]
    seen.add(operation)
  if image.op not in seen:
    raise ValueError(
      f'{", ".join(x.name for x in fetches.values())}: not made from '
      f'--image={image.name}. {candidates(image.graph)}'
    )
  needed = [x for x in seen - fed if x.type == 'Placeholder']
  if needed:
    raise ValueError(
      f'The graph also needs {_listed([x.outputs[0] for x in needed])}. If '
      'that says whether it trains, name it with --training; nothing else can '
      'be fed.'
    )
