# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Temporary folders for files of patients, which do not outlive their owners.

A folder is removed by its owner. If the owner was killed, the next process that
makes a folder removes it. A lock on the folder tells whether the owner lives:
the kernel releases it however a process ends, while a process id would soon be
that of another process.
"""

import contextlib
import os
import pathlib
import shutil
import tempfile
from typing import Self

try:
  import fcntl
except ImportError:  # On Windows, where folders of killed processes are left.
  fcntl = None

_PREFIX = 'bit_covid-'


class PrivateFolder:
  """A new folder that only this user can read, at `path`."""

  def __init__(self, *, ignore_errors: bool = False):
    """Makes the folder, after removing those of processes that were killed.

    Args:
      ignore_errors: whether `remove` passes over files that it cannot remove,
        such as those that are just being written.
    """
    sweep()
    while True:
      self._folder = tempfile.TemporaryDirectory(
        prefix=_PREFIX, ignore_cleanup_errors=ignore_errors
      )
      self.path = pathlib.Path(self._folder.name)
      self._lock = _lock(self.path)
      if self.path.exists():
        break
      # Another process swept it before it was locked.
      self.remove()

  def remove(self) -> None:
    """Removes the folder and all in it; a second call does nothing."""
    try:
      self._folder.cleanup()
    finally:
      # Without the lock, the next process removes what could not be removed.
      lock, self._lock = self._lock, None
      if lock is not None:
        os.close(lock)

  def __enter__(self) -> Self:
    return self

  def __exit__(self, *_: object) -> None:
    self.remove()


def sweep() -> None:
  """Removes the folders of this user that no living process owns."""
  if fcntl is None:
    return
  for path in pathlib.Path(tempfile.gettempdir()).glob(f'{_PREFIX}*'):
    # The folder is in use, of another user, or gone by now.
    with contextlib.suppress(OSError):
      folder = _open(path)
      try:
        if os.fstat(folder).st_uid == os.getuid():
          fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
          shutil.rmtree(path)
      finally:
        os.close(folder)


def _lock(path: pathlib.Path) -> int | None:
  """Returns the open and locked folder; None if it cannot be locked."""
  if fcntl is None:
    return None
  # Where folders cannot be locked, no other process can lock this one to remove
  # it. If it is gone, it cannot be opened.
  with contextlib.suppress(OSError):
    folder = _open(path)
    with contextlib.suppress(OSError):
      fcntl.flock(folder, fcntl.LOCK_EX)
    return folder
  return None


def _open(path: pathlib.Path) -> int:
  return os.open(path, os.O_RDONLY | os.O_DIRECTORY)
