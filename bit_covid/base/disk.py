# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What can go wrong on a disk: no room, no permission, a file in the way.

Uses the standard library alone, as `base.command` does.
"""

from collections.abc import Iterator, Sequence
import contextlib
import errno
import os
import pathlib
import shutil

_Path = str | os.PathLike[str]

_FULL = {
  errno.ENOSPC: 'has no room on its disk',
  errno.EDQUOT: 'has no room in your quota',
  errno.EFBIG: 'is larger than files may be here',
}
# What is said of a file for another error of the operating system.
_PROBLEMS = {
  errno.ENOENT: 'does not exist; check its name and place',
  errno.EACCES: 'may not be read or written by you; change its permissions',
  errno.EROFS: 'lies on a disk that cannot be written to; name another place',
  errno.EISDIR: 'is a folder; name a file',
  errno.ENOTDIR: 'is a file, or lies below one; name a folder',
  errno.ENAMETOOLONG: 'has a longer name than files may have; name a shorter '
  'one',
  errno.EIO: 'could not be read or written, as the disk failed; check the disk',
}


def is_full(error: BaseException) -> bool:
  """Returns whether an error says that there is no room for a file."""
  return isinstance(error, OSError) and error.errno in _FULL


def problem(error: BaseException) -> str | None:
  """Returns which file had which problem, and what helps, in one sentence.

  None: it is no error of the operating system, or does not name the file.
  """
  number = getattr(error, 'errno', None)
  name = os.fsdecode(getattr(error, 'filename', None) or '')
  if number in _FULL:
    text = f'{name or "A file"} {_FULL[number]}'
    if needed := getattr(error, 'needed_bytes', None):
      text += f'; {needed:,} bytes are needed'
    # What is free on the disk says nothing about a quota.
    if name and number == errno.ENOSPC:
      text += f'; {free_bytes(name):,} bytes are free'
    return f'{text}. Make room, then give the same command again.'
  return (
    f'{name} {_PROBLEMS[number]}.' if name and number in _PROBLEMS else None
  )


@contextlib.contextmanager
def writing(path: _Path, needed_bytes: int | None = None) -> Iterator[None]:
  """Makes errors of the disk within the block name the path.

  Errors of a write have no file name, and libraries raise errors of their own
  kinds, which become OSErrors. Of blocks in each other the innermost counts.

  Args:
    path: of a file, or of a folder of files.
    needed_bytes: their size, if it is known.
  """
  try:
    yield
  except Exception as error:
    found = error if isinstance(error, OSError) else _from_text(str(error))
    if found is None or not found.errno or hasattr(found, 'needed_bytes'):
      raise
    found.filename = os.fspath(path)
    found.needed_bytes = needed_bytes
    if found is error:
      raise
    raise found from error


def _from_text(text: str) -> OSError | None:
  """Returns the error of the operating system that a library reports."""
  for number in (*_FULL, errno.EROFS, errno.EIO):
    if os.strerror(number) in text:
      return OSError(number, os.strerror(number))
  return None


def free_bytes(path: _Path) -> int:
  """Returns how much may still be written where a path is or will be."""
  return shutil.disk_usage(_existing(path)).free


def check_room(path: _Path, needed_bytes: int) -> None:
  """Checks that a disk has room for files. Quotas cannot be seen.

  Raises:
    OSError: it has not (ENOSPC), with the path.
  """
  if free_bytes(path) < needed_bytes:
    with writing(path, needed_bytes):
      raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def check_folder(
  folder: _Path, flag: str, *, subfolders: Sequence[str] = ()
) -> None:
  """Checks that files can be written into a folder, which may not exist yet.

  Args:
    folder: on a disk. Folders on an object store have no permissions.
    flag: names the folder in messages, such as '--output'.
    subfolders: names of folders in it, for which the same holds.

  Raises:
    ValueError: it is a file, or lies in one, or cannot be written to.
  """
  if '://' in os.fspath(folder):
    return
  for path in (folder, *(os.path.join(folder, x) for x in subfolders)):
    existing = _existing(path)
    if not existing.is_dir():
      raise ValueError(f'{flag}={folder}: {existing} is a file; name a folder.')
    if not os.access(existing, os.W_OK | os.X_OK):
      raise ValueError(
        f'{flag}={folder}: you may not write to {existing}; name a folder '
        'elsewhere.'
      )


def _existing(path: _Path) -> pathlib.Path:
  """Returns the path, or the lowest folder above it that exists."""
  path = pathlib.Path(path).absolute()
  return next(x for x in (path, *path.parents) if x.exists())
