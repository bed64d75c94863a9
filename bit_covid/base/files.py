# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Files that are there whole or not at all."""

from collections.abc import Iterator, Mapping
import contextlib
import functools
import hashlib
import io
import json
import os
import pathlib
import re
import secrets
import shutil
import socket
import sys
from typing import Any

from etils import epath
import numpy as np

from bit_covid.base import disk

# A zip archive may end with a comment, which readers of .npz files pass over.
# Ours is the SHA-256 of all bytes before it.
_COMMENT = b'bit_covid sha256 '
_COMMENT_BYTES = len(_COMMENT) + 64
_COMMENT_LENGTH = _COMMENT_BYTES.to_bytes(2, 'little')
# The last record of the archive: how it begins, and its size. It ends with the
# length of the comment.
_END, _END_BYTES = b'PK\5\6', 22
# Files that are being written: '.<name>.<host>-<process>-<number>.partial'.
_PARTIAL = re.compile(r'\..+\.([0-9a-f]{8})-(\d+)-[0-9a-f]{8}\.partial')


def write(
  path: epath.Path, content: bytes, *, is_private: bool = False
) -> None:
  """Writes the file; a reader, or a crash, never meets half of it.

  Several processes may write the same file: it is that of one of them.

  Args:
    path: of the file.
    content: all of it.
    is_private: whether only its owner may read it; on a disk.

  Raises:
    OSError: it could not be written, and is as before; the error names it.
  """
  sweep(path.parent)
  writer = f'{_host()}-{os.getpid()}-{secrets.token_hex(4)}'
  partial = path.with_name(f'.{path.name}.{writer}.partial')
  with disk.writing(path, len(content)):
    try:
      if is_private:  # Before there is anything to read.
        os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
      partial.write_bytes(content)
      partial.replace(path)
    except BaseException:  # Also after Ctrl+C.
      with contextlib.suppress(OSError):
        partial.unlink()
      raise


def append(path: epath.Path, content: bytes) -> None:
  """Adds to the end of a file, or makes it.

  Raises:
    OSError: it could not be written, and is as before; the error names it.
  """
  size = path.stat().length if path.exists() else 0
  with disk.writing(path, len(content)):
    try:
      with path.open('ab') as file:
        file.write(content)
    except OSError:
      with contextlib.suppress(OSError):
        os.truncate(path, size)
      raise


@contextlib.contextmanager
def new_folder(folder: pathlib.Path, *, mode: int = 0o777) -> Iterator[None]:
  """Makes a folder, or takes an empty one, to be filled in the block.

  It is as before if the block raises an error, so that the same command can be
  given again. After Ctrl+C what is there stays. `mode` is that of a folder that
  is made, less what the system takes away from all.
  """
  is_new = not folder.exists()
  folder.mkdir(mode, parents=True, exist_ok=True)
  try:
    yield
  except Exception:
    for path in folder.iterdir():
      if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
      else:
        path.unlink()
    if is_new:
      folder.rmdir()
    raise


@functools.cache
def sweep(folder: epath.Path) -> None:
  """Removes what `write` left in a folder when its process was killed.

  A process does so once, as looking through a folder takes time. Files of other
  hosts stay, as nobody here knows whether their process has ended.
  """
  if '://' in os.fspath(folder) or not folder.is_dir():
    return  # Object stores have no half files.
  for path in folder.iterdir():
    found = _PARTIAL.fullmatch(path.name)
    if found and found[1] == _host() and not _is_alive(int(found[2])):
      path.unlink(missing_ok=True)


@functools.cache
def _host() -> str:
  return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]


def _is_alive(process: int) -> bool:
  if sys.platform == 'win32':
    return True  # Not known: there, this signal is Ctrl+C.
  try:
    os.kill(process, 0)  # Signal 0 only asks.
  except ProcessLookupError:
    return False
  except OSError:
    pass  # Of another user.
  return True


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
