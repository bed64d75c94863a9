# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Opens a TensorFlow 1 checkpoint: its graph, in inference, and what it needs.

A graph is a program: open only one whose origin you trust.
"""

from collections.abc import Iterator, Mapping, Sequence
import contextlib
import dataclasses

# First: it says how TensorFlow is to start.
import input_pipeline  # noqa: F401 # isort: skip

from etils import epath
from google.protobuf import message
from google.protobuf import text_format
import numpy as np
import tensorflow as tf

from input_pipeline import conventions

# What switches batch normalization to training, in graphs that have it.
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


@dataclasses.dataclass(frozen=True)
class Network:
  """A restored graph in inference.

  Attributes:
    session: holds the graph and its variables.
    image: the tensor that is fed.
    fetches: `probabilities` and perhaps `features`.
    feeds: what else is fed, the same for each batch.
    size: side of the images in pixels.
    batch: slices a run; fixed in some graphs, else None.
  """

  session: tf.compat.v1.Session
  image: tf.Tensor
  fetches: Mapping[str, tf.Tensor]
  feeds: Mapping[str, bool]
  size: int
  batch: int | None

  def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]:
    """Returns `probabilities` and perhaps `features` of `[B, S, S, 3]`."""
    try:
      outputs = self.session.run(
        dict(self.fetches), {self.image.name: images, **self.feeds}
      )
    except tf.errors.OpError as error:
      raise ValueError(
        f'The graph does not run on images {list(images.shape)}: '
        f'{_first_line(error)}. Give its size with --size, and other tensors '
        'with --image, --probabilities and --features.'
      ) from error
    return outputs


@contextlib.contextmanager
def open_network(
  meta: epath.Path,
  checkpoint: epath.Path,
  *,
  tensors: Tensors,
  size: int | None = None,
) -> Iterator[Network]:
  """Yields the network of a TensorFlow 1 checkpoint, for as long as it is used.

  Args:
    meta: the graph, such as model.meta.
    checkpoint: what the names of its weights begin with, as 'model' does those
      of model.index and model.data-00000-of-00001.
    tensors: their names.
    size: side of the images; None: what the graph says, or 512.

  Raises:
    ValueError: the graph cannot be read, lacks a tensor or has one of another
      shape, needs what is not fed, or the weights are not of this graph.
    FileNotFoundError: there is no graph, or there are no weights.
  """
  _check_files(meta, checkpoint)
  graph, saver = _read_graph(meta)
  image = _tensor(graph, tensors.image, '--image')
  size, batch = _image_shape(image, size)
  fetches = {
    'probabilities': _tensor(graph, tensors.probabilities, '--probabilities')
  }
  if tensors.features:
    fetches['features'] = _tensor(graph, tensors.features, '--features')
  _check_outputs(graph, fetches)
  switches = _switches(graph, tensors.training)
  _check_reached(fetches, fed=[image, *switches])
  options = tf.compat.v1.ConfigProto(allow_soft_placement=True)
  # Closing only: a session entered would turn off eager execution, which
  # tf.data needs.
  with contextlib.closing(
    tf.compat.v1.Session(graph=graph, config=options)
  ) as session:
    try:
      with graph.as_default():
        saver.restore(session, str(checkpoint))
    except (tf.errors.OpError, ValueError) as error:
      raise ValueError(
        f'{checkpoint} cannot be restored into the graph of {meta}: '
        f'{_first_line(error)}. Give --meta and --checkpoint of one model, '
        'downloaded whole.'
      ) from error
    yield Network(
      session=session,
      image=image,
      fetches=fetches,
      # By name: tensors are no keys of a dictionary.
      feeds={switch.name: False for switch in switches},
      size=size,
      batch=batch,
    )


def _check_files(meta: epath.Path, checkpoint: epath.Path) -> None:
  if not meta.is_file():
    raise FileNotFoundError(
      f'--meta={meta} is no file; expected the graph, such as model.meta.'
    )
  if not checkpoint.with_name(f'{checkpoint.name}.index').is_file():
    there = sorted(
      path.name.removesuffix('.index')
      for path in checkpoint.parent.glob('*.index')
    )
    raise FileNotFoundError(
      f'--checkpoint={checkpoint}: there is no {checkpoint.name}.index. Give '
      'what the names of .index and .data files begin with; in that folder: '
      f'{", ".join(there) or "none"}.'
    )


def _read_graph(
  meta: epath.Path,
) -> tuple[tf.Graph, tf.compat.v1.train.Saver]:
  graph = tf.Graph()
  try:
    with graph.as_default():
      saver = tf.compat.v1.train.import_meta_graph(
        str(meta), clear_devices=True
      )
  except (
    OSError,
    KeyError,
    ValueError,
    message.DecodeError,
    text_format.ParseError,
    tf.errors.OpError,
  ) as error:
    raise ValueError(
      f'{meta} is no graph that TensorFlow {tf.__version__} reads: '
      f'{_first_line(error)}. Expected the .meta file of a checkpoint, '
      'downloaded whole.'
    ) from error
  if saver is None:
    raise ValueError(
      f'{meta} holds a graph without variables; expected the .meta file of a '
      'checkpoint.'
    )
  return graph, saver


def _tensor(graph: tf.Graph, name: str, flag: str) -> tf.Tensor:
  """Returns a tensor, or raises ValueError with those that it might be."""
  try:
    return graph.get_tensor_by_name(name)
  except (KeyError, ValueError) as error:
    raise ValueError(
      f'{flag}={name}: the graph has no such tensor. {candidates(graph)}'
    ) from error


def candidates(graph: tf.Graph) -> str:
  """Returns the placeholders of a graph, and what may be probabilities."""
  classes = len(conventions.COVIDX_CT)
  # Texts are names of files, of the saver.
  inputs = [x for x in _placeholders(graph) if x.dtype != tf.string]
  outputs = [
    x
    for operation in graph.get_operations()
    for x in operation.outputs
    if x.dtype.is_floating
    and x.shape.rank == 2
    and x.shape.as_list() == [None, classes]
  ]
  # The last ones: probabilities are made at the end.
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
  """Returns the side of the images and the number of them, if it is fixed."""
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


def _switches(graph: tf.Graph, name: str) -> list[tf.Tensor]:
  """Returns the tensor that says whether the graph trains, if there is one."""
  if not name:
    return [x for x in _placeholders(graph) if x.name == TRAINING]
  switch = _tensor(graph, name, '--training')
  if switch.dtype != tf.bool:
    raise ValueError(
      f'--training={name} is {_shape(switch)}; expected a bool, to be fed '
      f'False. {candidates(graph)}'
    )
  return [switch]


def _check_reached(
  fetches: Mapping[str, tf.Tensor], *, fed: Sequence[tf.Tensor]
) -> None:
  """Raises ValueError unless all that the fetches are made of will be fed.

  Args:
    fetches: what is asked for.
    fed: the image, then what else is fed.
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


def _first_line(error: Exception) -> str:
  lines = str(getattr(error, 'message', error)).strip().splitlines()
  return lines[0].rstrip('.') if lines else type(error).__name__
