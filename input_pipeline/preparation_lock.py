# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""One process at a time prepares a tfds data set; others wait for it."""

from collections.abc import Iterator
import contextlib
import os

from absl import logging
from etils import epath
import filelock
from tensorflow_datasets.core import constants


@contextlib.contextmanager
def hold(data_path: epath.Path) -> Iterator[None]:
  """Keeps others from preparing the data set of a folder during the block.

  The system releases the lock however the process ends. What a process left
  that was ended in its work is removed. Folders on an object store are not
  locked.

  Raises:
    OSError: the folder cannot be written to.
  """
  if '://' in os.fspath(data_path):
    yield
    return
  # Of the data set in all its forms, as they share a folder of their own facts.
  folder = data_path.parents[1]
  folder.mkdir(parents=True, exist_ok=True)
  lock = filelock.FileLock(folder / '.lock')
  try:
    lock.acquire(blocking=False)
  except filelock.Timeout:
    logging.warning('Waiting for another process to prepare %s.', data_path)
    lock.acquire()
  try:
    for left in folder.glob(f'*/{constants.INCOMPLETE_PREFIX}*'):
      left.rmtree()
    # Which `*` does not match.
    for left in folder.glob(f'.config/{constants.INCOMPLETE_PREFIX}*'):
      left.unlink()
    yield
  finally:
    lock.release()
