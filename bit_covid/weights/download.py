# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Downloads an .npz file, whole or not at all."""

from collections.abc import Callable, Iterator
import contextlib
import pathlib
import sys
import time

import filelock

from bit_covid.base import disk
from bit_covid.base import lines
from bit_covid.weights import partial_file
from bit_covid.weights import transfer

# So many attempts in a row may bring no further byte.
_MOST_FAILURES = 3
# Seconds after the first of them; after the second, twice as many.
_WAIT = 2
# If a server asks to wait longer, the download ends and says so.
_LONGEST_WAIT = 60


def download(
  url: str, path: pathlib.Path, *, accept: Callable[[pathlib.Path], None]
) -> None:
  """Downloads a file to a path, where there is never only a part of it.

  What was received before a failure or a kill stays in a hidden file beside the
  path, and the next download continues it. One process at a time downloads into
  a folder; others that want the same file wait for it.

  Args:
    url: of an .npz file.
    path: where the file will be.
    accept: called with the whole file before it is moved to its path; raises a
      ValueError if it is not the file that it should be.

  Raises:
    ConnectionError: the download failed; the message names URL and path and
      says what to do.
    OSError: the folder cannot be written to, or the disk has no room.
  """
  path.parent.mkdir(parents=True, exist_ok=True)
  with _locked(path.parent):
    if path.is_file():
      return  # Another process has downloaded it meanwhile.
    try:
      # An error of writing, such as a full disk, does not name its file.
      with disk.writing(path):
        partial = _receive(url, path)
        _accept(partial, accept)
        partial.replace(path)
    except transfer.FailedError as error:
      raise ConnectionError(
        f'Could not download {url} to {path}: {error}. {error.remedy}, or '
        'download it elsewhere and put it at that path.'
      ) from error


@contextlib.contextmanager
def _locked(folder: pathlib.Path) -> Iterator[None]:
  """Holds the folder's lock, which the kernel releases if the process dies."""
  # The file stays: a process that waits has it open, and would lock a file that
  # is no longer there.
  lock = filelock.FileLock(folder / '.lock')
  try:
    lock.acquire(blocking=False)
  except filelock.Timeout:
    text = f'Waiting for another process, which downloads to {folder}.'
    lines.say(text, sys.stderr)
    lock.acquire()
  try:
    yield
  finally:
    lock.release()


def _receive(url: str, path: pathlib.Path) -> pathlib.Path:
  """Returns the partial file, which is whole, after some attempts.

  Raises:
    transfer.FailedError: the last attempt failed.
  """
  failures, most_bytes = 0, partial_file.num_bytes(path)
  while True:
    try:
      return transfer.receive(url, path)
    except transfer.FailedError as error:
      kept_bytes = partial_file.num_bytes(path)
      failures = 0 if kept_bytes > most_bytes else failures + 1
      most_bytes = max(most_bytes, kept_bytes)
      is_last = failures == _MOST_FAILURES or error.wait > _LONGEST_WAIT
      if error.is_final or is_last:
        raise
      wait = max(error.wait, failures * _WAIT)
    time.sleep(wait)


def _accept(
  partial: pathlib.Path, accept: Callable[[pathlib.Path], None]
) -> None:
  try:
    accept(partial)
  except ValueError as error:
    partial.unlink()
    # The message is not about a file that is no longer there.
    reason = str(error).replace(str(partial), 'what the server sent')
    raise transfer.FailedError(reason) from error
