# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Files that are there whole or not at all."""

from collections.abc import Mapping
import io
import json
import re
from typing import Any

from etils import epath
import numpy as np


def write(path: epath.Path, content: bytes) -> None:
  """Writes the file; a reader, or a crash, never meets half of it."""
  partial = path.with_name(f'.{path.name}.partial')
  partial.write_bytes(content)
  partial.replace(path)


def safe_name(text: str) -> str:
  """Returns a file name for a text, such as a class; most stay as they are."""
  safe = re.sub(
    r'^\.|[\x00-\x1f/\\:*?"<>|#%~]', lambda x: f'~{ord(x[0]):02x}', text
  )
  # With room for endings, in the 255 bytes that file systems allow.
  return safe.encode()[:200].decode(errors='ignore')


def read_json(
  path: epath.Path,
  kind: type = dict,
  *,
  remedy: str = 'Restore the file, or remove it.',
) -> Any:
  """Returns the content of a JSON file, or None if it does not exist.

  Raises:
    ValueError: the file does not hold a value of this kind, dict or list. The
      message ends with the remedy.
  """
  if not path.exists():
    return None
  found, line = None, 1
  try:
    found = json.loads(path.read_bytes())
  except ValueError as error:
    # Bytes that are not UTF-8 have no line.
    line = getattr(error, 'lineno', 1)
  if not isinstance(found, kind):
    raise ValueError(
      f'{path} is cut off or damaged, from line {line} on. {remedy}'
    )
  return found


def read_json_lines(path: epath.Path) -> list[dict[str, Any]]:
  """Returns the objects in a file, one a line; [] where it does not exist.

  Raises:
    ValueError: a line other than the last holds none; the message names it.
  """
  lines = path.read_bytes().splitlines() if path.exists() else []
  rows = []
  for number, line in enumerate(lines, start=1):
    try:
      rows.append(dict(json.loads(line)))
    except (TypeError, ValueError) as error:
      # A crash may have cut off the last line. It is measured again.
      if number < len(lines):
        raise ValueError(
          f'{path}:{number}: the line is damaged; restore or remove it.'
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
