# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What has been received of a file: a hidden file beside its path.

Its name contains the ETag of the server's version. So the two cannot be
separated, and the file is continued with bytes of the same version only.
"""

from collections.abc import Iterator
import pathlib
import re

import tqdm

# A strong ETag that can be part of a file name, as those of Google Cloud
# Storage can.
_ETAG = re.compile(r'"([\w+=-]{1,100})"')


def of_version(path: pathlib.Path, etag: str) -> pathlib.Path:
  """Returns the partial file of a version; '': of one that has no ETag."""
  found = _ETAG.fullmatch(etag)
  tag = f'.{found[1]}' if found else ''
  return path.with_name(f'.{path.name}{tag}.part')


def find(path: pathlib.Path) -> tuple[pathlib.Path | None, str]:
  """Returns a partial file that can be continued, if any, and its ETag."""
  for partial in path.parent.glob(f'.{path.name}.*.part'):
    tag = partial.name[len(f'.{path.name}.') : -len('.part')]
    return partial, f'"{tag}"'
  return None, ''


def num_bytes(path: pathlib.Path) -> int:
  """Returns the size of the partial file that can be continued."""
  partial, _ = find(path)
  return partial.stat().st_size if partial else 0


def remove(path: pathlib.Path, *, keep: pathlib.Path | None = None) -> None:
  """Removes all partial files of a path but one."""
  # Also those of `files.write`, if it was killed in writing the checksum.
  for partial in path.parent.glob(f'.{path.name}.*'):
    if partial != keep:
      partial.unlink()


def write(
  partial: pathlib.Path,
  chunks: Iterator[bytes],
  *,
  start: int,
  total: int | None,
) -> None:
  """Writes a partial file from `start` on.

  Args:
    partial: its path; need not exist if `start` is 0.
    chunks: the bytes to write.
    start: in bytes.
    total: the size that the file should get, for the progress bar.
  """
  with (
    partial.open('r+b' if start else 'wb') as file,
    tqdm.tqdm(
      total=total, initial=start, unit='B', unit_scale=True, ncols=79
    ) as bar,
  ):
    file.seek(start)
    for chunk in chunks:
      bar.update(file.write(chunk))
