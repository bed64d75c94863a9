# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""One command at a time writes into a work directory."""

from collections.abc import Callable, Iterator
import contextlib
import errno
import fcntl
import functools
import os
import pathlib
import socket
from typing import Any, TextIO

import jax

from bit_covid.base import disk

FILE_NAME = 'run.lock'
# Results are written into them hours after the start.
_SUBFOLDERS = ('checkpoints', 'predictions', 'gradcam', 'report')
# What file systems say that cannot lock, such as some network disks.
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EINVAL)

# Folders that this process holds, which may ask again.
_held: set[pathlib.Path] = set()


@contextlib.contextmanager
def hold(
  workdir: str | os.PathLike[str], *, flag: str = '--workdir'
) -> Iterator[None]:
  """Keeps other processes from the folder until the end of the block.

  The kernel releases the lock however the process ends. Of several hosts of one
  run, the first holds it. Folders on an object store are not locked. The flag
  names the folder in messages.

  Raises:
    OSError: the lock cannot be written, as the disk is full.
    ValueError: another process holds it, which the message names, or it cannot
      be a folder that is written to.
  """
  folder = pathlib.Path(workdir).absolute()
  is_local = '://' not in os.fspath(workdir)
  if folder in _held or jax.process_index() or not is_local:
    yield
    return
  disk.check_folder(folder, flag, subfolders=_SUBFOLDERS)
  is_new = not folder.exists()
  folder.mkdir(parents=True, exist_ok=True)
  file = _acquire(folder / FILE_NAME)
  _held.add(folder)
  try:
    holder = f'process {os.getpid()} on {socket.gethostname()}'
    with disk.writing(folder / FILE_NAME):
      # Without a buffer, of which the rest would be written when it is closed.
      os.write(file.fileno(), holder.encode())
    yield
  finally:
    _held.remove(folder)
    # Removed while it is held, so that no other process has locked it.
    pathlib.Path(file.name).unlink(missing_ok=True)
    file.close()
    # Of a command that was refused before it wrote anything.
    if is_new and not any(folder.iterdir()):
      folder.rmdir()


def locks_workdir(work: Callable[..., Any]) -> Callable[..., Any]:
  """Returns `work(config, workdir, ...)` such that it holds the folder."""

  @functools.wraps(work)
  def wrapped(
    config: Any, workdir: str | os.PathLike[str], **options: Any
  ) -> Any:
    with hold(workdir):
      return work(config, workdir, **options)

  return wrapped


def _acquire(path: pathlib.Path) -> TextIO:
  """Returns the locked file, which is empty.

  Raises:
    OSError: the file cannot be written.
    ValueError: another process holds it.
  """
  while True:
    # Opened for appending, as another process may hold the file.
    file = path.open('a+')
    try:
      fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
      file.seek(0)
      holder = file.read() or 'another process'
      file.close()
      raise ValueError(
        f'{path.parent} is in use by {holder}. Wait until it has ended, stop '
        'it, or choose another work directory.'
      ) from error
    except OSError as error:
      if error.errno not in _NO_LOCKS:
        file.close()
        raise
    # The holder may have removed the file after it was opened here.
    with contextlib.suppress(FileNotFoundError):
      if os.path.samefile(file.fileno(), path):
        file.truncate(0)
        return file
    file.close()
