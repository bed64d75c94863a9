# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Whether a file is still the one that was read, without reading it again.

To hash each image whenever it is loaded would take longer than to load a
prepared slice. So the system is asked for the state of the file, and the image
is hashed only if that has changed.
"""

from collections.abc import Sequence
from concurrent import futures
import os

import numpy as np

from input_pipeline import examples as examples_lib

# A thread mostly waits, if the disk is one of the network.
_THREADS = 32
# A thread asks for so many files at a time.
_FILES = 1000


def stamp(path: str | os.PathLike[str]) -> tuple[int, ...]:
  """Returns what changes if a file is replaced or written to.

  It is () for a file that does not exist or lies on an object store.
  """
  try:
    found = os.stat(path)
  except OSError:
    return ()
  return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def sizes_and_times(paths: Sequence[str]) -> np.ndarray:
  """Returns bytes and nanosecond of the last write of N files, `[N, 2]` int64.

  Unlike stamps, they stay the same if a file is copied with its time. Both are
  -1 for a file that does not exist or lies on an object store.
  """

  def of_some(start: int) -> list[tuple[int, ...]]:
    some = map(stamp, paths[start : start + _FILES])
    return [x[1:3] if x else (-1, -1) for x in some]

  with futures.ThreadPoolExecutor(_THREADS) as pool:
    parts = pool.map(of_some, range(0, len(paths), _FILES))
    return np.array([x for part in parts for x in part], np.int64)


def check_same(
  path: str | os.PathLike[str],
  encoded: bytes,
  *,
  stamp_before: tuple[int, ...],
  digest_before: str,
) -> None:
  """Checks that an image that was read from a file is the one of the start.

  Args:
    path: the file, which may hold other images too.
    encoded: what was read.
    stamp_before: the stamp of the file at the start.
    digest_before: the digest of the image at the start.

  Raises:
    ValueError: it is another one, or the file is gone.
  """
  now = stamp(path)
  if now == stamp_before:
    return
  # An open file can still be read after it was removed.
  if not now:
    raise ValueError(f'{os.fspath(path)} does not exist any more. Restore it.')
  if examples_lib.digest(encoded) != digest_before:
    raise ValueError(
      f'{os.fspath(path)} has changed since it was checked at the start. '
      'Restore it.'
    )
