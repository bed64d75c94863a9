# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Opens a TensorFlow 1 checkpoint for inference.

A graph is a program: open only one whose origin you trust.
"""

from collections.abc import Iterator, Mapping
import contextlib
from typing import NamedTuple

from etils import epath
from google.protobuf import message
from google.protobuf import text_format
import numpy as np

from bit_covid.paper.covidnet import tensors as tensors_lib
from input_pipeline.quiet_tensorflow import tf


class Network(NamedTuple):
  """A restored graph in inference mode; the session holds its variables."""

  session: tf.compat.v1.Session
  ports: tensors_lib.Ports

  def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]:
    """Returns the values of all fetches for `[B, S, S, 3]` float32 images.

    Raises:
      ValueError: the graph takes images of another shape.
    """
    try:
      return self.session.run(
        dict(self.ports.fetches),
        {self.ports.image.name: images, **self.ports.feeds},
      )
    except tf.errors.OpError as error:
      raise ValueError(
        f'The graph does not run on images {list(images.shape)}: '
        f'{_first_line(error)}. Give its size with --size, and other tensors '
        'with --image, --probabilities and --features.'
      ) from error


@contextlib.contextmanager
def open_network(
  meta: epath.Path,
  checkpoint: epath.Path,
  *,
  names: Mapping[str, str],
  size: int | None = None,
) -> Iterator[Network]:
  """Yields the network of a TensorFlow 1 checkpoint and closes it afterwards.

  Args:
    meta: the graph, such as model.meta.
    checkpoint: the beginning of the names of its weights, such as 'model' for
      model.index and model.data-00000-of-00001.
    names: those of its tensors, with the keys of `tensors.NAMES`.
    size: side of the images in pixels; None for that of the graph, or 512.

  Raises:
    ValueError: the graph, its tensors or the weights do not fit.
  """
  _check_files(meta, checkpoint)
  graph, saver = _read_graph(meta)
  ports = tensors_lib.find_ports(graph, names, size=size)
  options = tf.compat.v1.ConfigProto(allow_soft_placement=True)
  # A session as a context manager would turn off eager execution, which tf.data
  # needs, so it is only closed.
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
    yield Network(session, ports)


def _check_files(meta: epath.Path, checkpoint: epath.Path) -> None:
  if not meta.is_file():
    raise FileNotFoundError(
      f'--meta={meta} is no file; expected the graph, such as model.meta.'
    )
  if not checkpoint.with_name(f'{checkpoint.name}.index').is_file():
    indices = sorted(checkpoint.parent.glob('*.index'))
    there = ', '.join(path.name.removesuffix('.index') for path in indices)
    raise FileNotFoundError(
      f'--checkpoint={checkpoint}: there is no {checkpoint.name}.index. Give '
      'what the names of .index and .data files begin with; in that folder: '
      f'{there or "none"}.'
    )


def _read_graph(meta: epath.Path) -> tuple[tf.Graph, tf.compat.v1.train.Saver]:
  graph, read = tf.Graph(), tf.compat.v1.train.import_meta_graph
  try:
    with graph.as_default():
      saver = read(str(meta), clear_devices=True)
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


def _first_line(error: Exception) -> str:
  lines = str(getattr(error, 'message', error)).strip().splitlines()
  return lines[0].rstrip('.') if lines else type(error).__name__
