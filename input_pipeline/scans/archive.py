# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Unpacks zip archives without trusting them.

The directory of an archive is checked before anything is written, and bytes are
counted while they are written.
"""

import pathlib
import shutil
import stat
import zipfile
import zlib

from input_pipeline.scans import limits

_CHUNK = 1 << 20


class Budget:
  """How much may still be unpacked, shared by all archives of a call."""

  def __init__(self):
    self.bytes = limits.ARCHIVE_BYTES
    self.files = limits.ARCHIVE_FILES

  def take(self, *, size: int = 0, files: int = 0) -> None:
    """Subtracts what was unpacked.

    Args:
      size: number of bytes.
      files: number of files.

    Raises:
      ValueError: the budget is exceeded.
    """
    self.bytes -= size
    self.files -= files
    if self.bytes < 0:
      raise ValueError(
        f'it unpacks to more than {limits.ARCHIVE_BYTES:,} bytes; unpack it '
        'yourself if you trust it'
      )
    if self.files < 0:
      raise ValueError(
        f'it holds more than {limits.ARCHIVE_FILES:,} files; unpack it '
        'yourself if you trust it'
      )


def unpack(
  path: pathlib.Path, target: pathlib.Path, *, budget: Budget
) -> list[tuple[pathlib.Path, str]]:
  """Returns the path and the name of each file of an archive, unpacked.

  Args:
    path: the archive.
    target: an empty folder. Files in it are named by numbers, so that no name
      from the archive reaches the file system.
    budget: the budget that is used up.

  Raises:
    ValueError: the archive is damaged, encrypted or unsafe. The message does
      not name it. Files that were already written must not be used.
  """
  try:
    with zipfile.ZipFile(path) as archive:
      members = [x for x in archive.infolist() if not x.is_dir()]
      budget.take(files=len(members))
      for member in members:
        _check(member)
      _check_sizes(path, members, budget)
      return [
        (_write(archive, member, target / f'{i:06d}', budget), member.filename)
        for i, member in enumerate(members)
      ]
  except (
    zipfile.BadZipFile,
    zlib.error,
    NotImplementedError,
    EOFError,
    RuntimeError,
    OSError,
  ) as error:
    raise ValueError(
      f'a damaged zip archive ({type(error).__name__})'
    ) from error


def _check(member: zipfile.ZipInfo) -> None:
  name = member.filename
  path = pathlib.PurePosixPath(name.replace('\\', '/'))
  if path.is_absolute() or '..' in path.parts or ':' in path.parts[0]:
    raise ValueError(
      'an unsafe zip archive: a member would be written outside of it'
    )
  if '\0' in name:
    raise ValueError('an unsafe zip archive: a name holds a zero byte')
  mode = member.external_attr >> 16
  if mode and not (stat.S_ISREG(mode) or stat.S_IFMT(mode) == 0):
    raise ValueError('an unsafe zip archive: a member is a link or device')
  if member.flag_bits & 1:
    raise ValueError('an encrypted zip archive; unpack it first')


def _check_sizes(
  path: pathlib.Path, members: list[zipfile.ZipInfo], budget: Budget
) -> None:
  """Raises ValueError if the members would take too much space unpacked."""
  total = sum(member.file_size for member in members)
  packed = path.stat().st_size
  free = shutil.disk_usage(path.parent).free
  bomb = (
    total > limits.ARCHIVE_FREE_BYTES and total > limits.ARCHIVE_RATIO * packed
  )
  if bomb:
    raise ValueError(
      f'an unsafe zip archive: {packed:,} bytes unpack to {total:,}'
    )
  if total > budget.bytes:
    budget.take(size=total)
  if total > free:
    raise ValueError(
      f'it unpacks to {total:,} bytes, but the disk has {free:,} left'
    )


def _write(
  archive: zipfile.ZipFile,
  member: zipfile.ZipInfo,
  target: pathlib.Path,
  budget: Budget,
) -> pathlib.Path:
  with archive.open(member) as source, target.open('xb') as file:
    while chunk := source.read(_CHUNK):
      budget.take(size=len(chunk))
      file.write(chunk)
  return target
