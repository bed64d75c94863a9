# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The measurements of a training: metrics.jsonl, and TensorBoard beside it.

`metrics.jsonl` holds only what a repetition of the run would measure again, so
that an interrupted run and an uninterrupted one leave the same file, byte for
byte. Speeds go to TensorBoard and the terminal only.
"""

import io
import json
import math
import socket
import time

from etils import epath
from tensorboard.compat.proto import event_pb2
from tensorboard.compat.proto import summary_pb2
from tensorboard.summary.writer import record_writer

from bit_covid.base import files

# TensorBoard finds its files by this part of their names.
_EVENTS = 'events.out.tfevents'
_EVENTS_VERSION = 'brain.Event:2'


class MetricLog:
  """Writes measurements, on the first host, each as a whole or not at all."""

  def __init__(
    self, workdir: epath.Path, *, restored_step: int, is_writer: bool
  ):
    """Opens the log and drops what was measured after the restored step."""
    self._is_writer = is_writer
    self._path = workdir / 'metrics.jsonl'
    # A file for each start of the run, as TensorBoard's own writers make them.
    name = f'{_EVENTS}.{time.time_ns()}.{socket.gethostname()}'
    self._events_path = workdir / name
    if is_writer:
      _truncate(self._path, restored_step)
      self._add_event(file_version=_EVENTS_VERSION)

  def write(
    self,
    step: int,
    scalars: dict[str, float],
    *,
    speeds: dict[str, float] | None = None,
  ) -> None:
    """Adds a line of scalars, null if not finite; speeds go to TensorBoard.

    When it returns, the line is in the file. So it is there before the
    checkpoint of this step is saved, as a resumed run keeps it.

    Raises:
      OSError: a file could not be written; the error names it.
    """
    if not self._is_writer:
      return
    # JSON has no NaN and no infinity.
    row = {k: x if math.isfinite(x) else None for k, x in scalars.items()}
    line = json.dumps({'step': step, **row}) + '\n'
    files.append(self._path, line.encode())
    values = [
      summary_pb2.Summary.Value(tag=tag, simple_value=value)
      for tag, value in (scalars | (speeds or {})).items()
    ]
    self._add_event(step=step, summary=summary_pb2.Summary(value=values))

  def _add_event(self, **fields: object) -> None:
    event = event_pb2.Event(wall_time=time.time(), **fields)
    record = io.BytesIO()
    # TensorBoard's own writers of files write in a thread of theirs, whose
    # errors come late and with tracebacks.
    record_writer.RecordWriter(record).write(event.SerializeToString())
    files.append(self._events_path, record.getvalue())


def read(path: epath.PathLike) -> list[dict[str, float]]:
  """Returns the measurements in a metrics.jsonl, in order.

  Raises:
    ValueError: a line other than the last is damaged; the message names it.
  """
  path = epath.Path(path)
  rows = files.read_json_lines(path)
  for number, row in enumerate(rows, start=1):
    if not isinstance(row.get('step'), int):
      raise ValueError(
        f'{path}:{number}: the line is damaged; restore or remove it.'
      )
  return rows


def _truncate(path: epath.Path, step: int) -> None:
  if not path.exists():
    return
  kept = [row for row in read(path) if row['step'] <= step]
  text = ''.join(json.dumps(row) + '\n' for row in kept)
  files.write(path, text.encode())
