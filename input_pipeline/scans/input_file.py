# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A file that may hold slices, from a path, a folder or an archive."""

from collections.abc import Iterator
import hashlib
import os
import pathlib
import re
import stat
from typing import NamedTuple
import unicodedata

from input_pipeline.scans import limits
from input_pipeline.scans import scan


class InputFile(NamedTuple):
  """A file on disk.

  Attributes:
    path: where the file is; for a member of an archive, where it was unpacked.
    name: the path that the user knows, which may lead through archives. It can
      be printed, whatever bytes the name on disk consists of.
    is_named: whether the user named the file itself, and not a folder or an
      archive that contains it.
  """

  path: pathlib.Path
  name: str
  is_named: bool = False

  @property
  def folder(self) -> str:
    """The folder in `name`. Images of one folder are taken for one scan."""
    return str(pathlib.PurePath(self.name).parent)

  def digest(self) -> str:
    """Returns the SHA-256 of the content; '' if it cannot be read."""
    try:
      status = self.path.stat()
      # Reading a pipe would wait for ever, and so would some files of /proc,
      # which say that they have no bytes or more than there are.
      size = status.st_size if stat.S_ISREG(status.st_mode) else None
      if size is None or size > limits.ARCHIVE_BYTES:
        return ''
      if not size:
        return hashlib.sha256().hexdigest()
      with self.path.open('rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()
    except OSError:
      return ''

  def refuse(self, reason: str, cause: scan.Cause) -> scan.Refused:
    """Returns the file as a refused input."""
    content = self.digest()
    identity = scan.digest(content.encode()) if content else ''
    return scan.Refused(self.name, identity, reason, cause)


def walk(folder: pathlib.Path) -> Iterator[InputFile]:
  """Yields all files in and below a folder, in natural order of their names.

  Links are followed, and a folder that several links lead to is visited once.
  A folder that cannot be listed is yielded itself.
  """
  seen = set()
  unlisted: list[str | None] = []
  walked = os.walk(
    folder, onerror=lambda x: unlisted.append(x.filename), followlinks=True
  )
  for parent, folders, names in walked:
    place = os.stat(parent)
    if (place.st_dev, place.st_ino) in seen:
      folders.clear()
      continue
    seen.add((place.st_dev, place.st_ino))
    folders.sort(key=natural_key)
    for name in sorted(names, key=natural_key):
      yield on_disk(pathlib.Path(parent, name))
  yield from map(on_disk, map(pathlib.Path, filter(None, unlisted)))


def on_disk(path: pathlib.Path, *, is_named: bool = False) -> InputFile:
  """Returns a file that is not in an archive."""
  return InputFile(path, printable(str(path)), is_named)


def printable(name: str) -> str:
  """Returns a name in which line breaks and what is not UTF-8 are escaped."""
  return ''.join(
    ascii(x)[1:-1] if unicodedata.category(x) in ('Cc', 'Cs', 'Zl', 'Zp') else x
    for x in name
  )


def natural_key(path: str | os.PathLike[str]) -> list[list[tuple]]:
  """Returns a key that sorts 2 before 10, and files before their subfolders."""
  *folders, name = pathlib.PurePath(path).parts or ('',)
  return [[_natural(x) for x in folders], [_natural(name)]]


def _natural(name: str) -> tuple:
  """Returns the parts of a name; numbers are sorted by their size."""
  texts, numbers = re.split('[0-9]+', name), re.findall('[0-9]+', name)
  # Not as `int`, which refuses thousands of digits.
  stripped = [x.lstrip('0') for x in numbers]
  sizes = [(len(x), x) for x in stripped]
  pairs = zip(texts, [*sizes, (0, '')], strict=True)
  return (*((text, size) for text, size in pairs), (name, (0, '')))
