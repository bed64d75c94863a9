# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Files that are there whole or not at all."""

from collections.abc import Mapping
import hashlib
import io
import json
import os
import re
from typing import Any

from etils import epath
import numpy as np

# A zip archive may end with a comment, which readers of .npz files pass over.
# Ours is the SHA-256 of all bytes before it.
_COMMENT = b'bit_covid sha256 '
_COMMENT_BYTES = len(_COMMENT) + 64
_COMMENT_LENGTH = _COMMENT_BYTES.to_bytes(2, 'little')
# The last record of the archive: how it begins, and its size. It ends with the
# length of the comment.
_END, _END_BYTES = b'PK\5\6', 22


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
  """Writes the arrays as an .npz archive with a checksum in it."""
  # Through memory: a zip archive seeks, which object stores cannot.
  buffer = io.BytesIO()
  np.savez(buffer, **arrays)
  # In the place of the length 0.
  buffer.seek(-len(_COMMENT_LENGTH), os.SEEK_END)
  buffer.write(_COMMENT_LENGTH)
  digest = hashlib.sha256(buffer.getbuffer()).hexdigest()
  buffer.write(_COMMENT + digest.encode())
  write(path, buffer.getvalue())


def check_npz(path: str | os.PathLike[str]) -> bool:
  """Returns whether an .npz archive has a checksum, after comparing it.

  Raises:
    ValueError: the file is not as `write_npz` wrote it.
  """
  path = epath.Path(path)
  with path.open('rb') as file:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - _END_BYTES - _COMMENT_BYTES, 0))
    _, is_zip, end = file.read().rpartition(_END)
    fields, comment = end[: _END_BYTES - 4], end[_END_BYTES - 4 :]
    # One of them suffices, as either may be damaged.
    is_ours = fields.endswith(_COMMENT_LENGTH) or comment.startswith(_COMMENT)
    if not is_zip or not is_ours:
      return False
    left = size - len(comment)
    file.seek(0)
    digest = hashlib.sha256()
    while chunk := file.read(min(left, 1 << 20)):
      digest.update(chunk)
      left -= len(chunk)
  if comment != _COMMENT + digest.hexdigest().encode():
    raise ValueError(
      f'{path}: damaged, as its bytes do not give the checksum in it. Restore '
      'it from a copy, or make or download it again.'
    )
  return True
