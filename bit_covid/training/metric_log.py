# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The measurements of a training: metrics.jsonl, and TensorBoard beside it.

`metrics.jsonl` holds only what a repetition of the run would measure again, so
that an interrupted run and an uninterrupted one leave the same file, byte for
byte. Speeds go to TensorBoard and the terminal only.
"""

import contextlib
import json
import math
import os

from clu import metric_writers
from etils import epath

from bit_covid.base import files


class MetricLog(contextlib.AbstractContextManager):
  """Writes measurements, on the first host, until the end of the block."""

  def __init__(
    self, workdir: epath.Path, *, restored_step: int, is_writer: bool
  ):
    """Opens the log and drops what was measured after the restored step."""
    self._tensorboard = None
    self._file = None
    if is_writer:
      path = workdir / 'metrics.jsonl'
      _truncate(path, restored_step)
      self._file = path.open('a')
      self._tensorboard = metric_writers.AsyncWriter(
        metric_writers.SummaryWriter(os.fspath(workdir))
      )

  def __exit__(self, *exception: object) -> None:
    self.close()

  def close(self) -> None:
    """Closes the files."""
    if self._file is not None:
      self._file.close()
      self._tensorboard.close()

  def write(
    self,
    step: int,
    scalars: dict[str, float],
    *,
    speeds: dict[str, float] | None = None,
  ) -> None:
    """Adds a line of scalars, null if not finite; speeds go to TensorBoard."""
    if self._file is None:
      return
    # JSON has no NaN and no infinity.
    row = {k: x if math.isfinite(x) else None for k, x in scalars.items()}
    self._file.write(json.dumps({'step': step, **row}) + '\n')
    # Flushed before the checkpoint of this step is saved, as a resumed run
    # keeps this line.
    self._file.flush()
    self._tensorboard.write_scalars(step, scalars | (speeds or {}))


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
