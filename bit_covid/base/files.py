# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Files that are there whole or not at all."""

from collections.abc import Mapping
import io
import json
from typing import Any

from etils import epath
import numpy as np


def write(path: epath.Path, content: bytes) -> None:
  """Writes the file; a reader, or a crash, never meets half of it."""
  partial = path.with_name(f'.{path.name}.partial')
  partial.write_bytes(content)
  partial.replace(path)


def read_json(path: epath.Path) -> Any:
  """Returns the content of a JSON file, or None if it does not exist.

  Raises:
    ValueError: the file is not JSON.
  """
  if not path.exists():
    return None
  try:
    return json.loads(path.read_text())
  except ValueError as error:
    raise ValueError(
      f'{path} is no JSON: {error}. Restore the file, or remove it.'
    ) from error


def read_json_lines(path: epath.PathLike) -> list[Any]:
  """Returns the values in a file with one JSON value a line, in order.

  A last line that a crash has cut off is left out.

  Raises:
    ValueError: another line is not JSON; the message names it.
  """
  path = epath.Path(path)
  lines = path.read_text().splitlines()
  rows = []
  for number, line in enumerate(lines, start=1):
    try:
      rows.append(json.loads(line))
    except ValueError as error:
      if number < len(lines):
        raise ValueError(
          f'{path}:{number}: not JSON: {line!r}. Restore or remove it.'
        ) from error
  return rows


def write_json(path: epath.Path, value: Any) -> None:
  """Writes the value as indented JSON."""
  write(path, (json.dumps(value, indent=2) + '\n').encode())


def write_npz(path: epath.Path, arrays: Mapping[str, np.ndarray]) -> None:
  """Writes the arrays as an .npz archive."""
  # Through memory: a zip archive seeks, which object stores cannot.
  buffer = io.BytesIO()
  np.savez(buffer, **arrays)
  write(path, buffer.getvalue())
