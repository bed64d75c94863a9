# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Unpacks zip, gzip and deflated DICOM files without trusting them.

The directory of an archive is checked before anything is written, and bytes are
counted while they are written.
"""

from collections.abc import Iterator
import contextlib
import gzip
import pathlib
import re
import shutil
import stat
import zipfile

from input_pipeline.scans import budget as budget_lib
from input_pipeline.scans import deflated_dicom
from input_pipeline.scans import input_file
from input_pipeline.scans import limits
from input_pipeline.scans import zip_member

_READ_METHODS = (
  zipfile.ZIP_STORED,
  zipfile.ZIP_DEFLATED,
  zipfile.ZIP_BZIP2,
  zipfile.ZIP_LZMA,
)
# Bits of a member's flags: encrypted, strongly encrypted, masked directory; and
# a name in UTF-8.
_ENCRYPTED, _UTF8 = 0x1 | 0x40 | 0x2000, 0x800


class UnpackError(ValueError):
  """Why a file is not unpacked. The message does not name it."""


def unpack(
  path: pathlib.Path, target: pathlib.Path, *, budget: budget_lib.Budget
) -> list[tuple[pathlib.Path, str]]:
  """Returns path and name of each file of a zip archive, in natural order.

  Args:
    path: the archive.
    target: a folder that is made. Files in it are named by numbers, so that no
      name from the archive reaches the file system.
    budget: the budget of the archive, which is used up.

  Raises:
    UnpackError: the archive is damaged, encrypted, unsafe or too large. Files
      that were already written must not be used.
  """
  advice = 'copy it again, or unpack it and give the folder'
  with (
    _clear_errors(f'a damaged zip archive; {advice}'),
    zip_member.opened(path) as archive,
  ):
    target.mkdir()
    members = [(_name(x), x) for x in archive.infolist() if not _is_folder(x)]
    budget.take(files=len(members))
    members.sort(key=lambda pair: input_file.natural_key(pair[0]))
    for name, member in members:
      _check(name, member)
    _check_sizes(path, [member for _, member in members], budget)
    return [
      (_write(zip_member.chunks(archive, x), target / f'{i:06d}', budget), name)
      for i, (name, x) in enumerate(members)
    ]


def unpack_one(
  path: pathlib.Path,
  target: pathlib.Path,
  *,
  kind: str,
  budget: budget_lib.Budget,
) -> pathlib.Path:
  """Returns the path of the file that a file unpacks to, in a new folder.

  Args:
    path: the file.
    target: the folder, which is made.
    kind: 'gzip' or 'deflated', a DICOM file of that transfer syntax.
    budget: the budget of the file, which is used up.

  Raises:
    UnpackError: the file is damaged, or too large when it is unpacked.
  """
  if kind == 'gzip':
    damaged, chunks = 'a damaged .gz file; copy it again', _gzip_chunks(path)
  else:
    damaged = 'a damaged DICOM file: it cannot be inflated; export it again'
    chunks = deflated_dicom.chunks(path)
  with _clear_errors(damaged):
    target.mkdir()
    return _write(chunks, target / 'unpacked', budget, limits.FILE_BYTES)


def _gzip_chunks(path: pathlib.Path) -> Iterator[bytes]:
  with gzip.open(path) as file:
    yield from iter(lambda: file.read(zip_member.CHUNK), b'')


@contextlib.contextmanager
def _clear_errors(damaged: str) -> Iterator[None]:
  # Libraries raise their own errors, which say little.
  try:
    yield
  except UnpackError:
    raise
  except budget_lib.BudgetError as error:
    raise UnpackError(str(error)) from error
  # A damaged archive can make the library and its decompressors raise anything.
  except Exception as error:
    # Only errors of the operating system have a number.
    if isinstance(error, OSError) and error.errno:
      damaged = f'it cannot be unpacked: {error.strerror}'
    raise UnpackError(damaged) from error


def _name(member: zipfile.ZipInfo) -> str:
  """Returns the name of a member, with slashes and without '.' folders."""
  name = member.filename
  if not member.flag_bits & _UTF8:
    # The library reads such names as code page 437. Some programs write UTF-8
    # without saying so; of others it is not known what they write.
    with contextlib.suppress(UnicodeError):
      name = name.encode('cp437').decode('utf-8')
  name = input_file.printable(name.replace('\\', '/'))
  path = pathlib.PurePosixPath(name)
  return str(path) if path.parts else 'unnamed'


def _is_folder(member: zipfile.ZipInfo) -> bool:
  name = member.filename.replace('\\', '/')
  mode = member.external_attr >> 16
  is_folder = name.endswith('/') or stat.S_ISDIR(mode)
  # In some code pages the last byte of a file's name is a backslash.
  return is_folder and not member.file_size


def _check(name: str, member: zipfile.ZipInfo) -> None:
  path = pathlib.PurePosixPath(name)
  if path.is_absolute() or '..' in path.parts or re.match('[A-Za-z]:', name):
    raise UnpackError(
      'an unsafe zip archive: a member would be written outside of it; unpack '
      'it yourself if you trust it'
    )
  mode = member.external_attr >> 16
  if mode and not (stat.S_ISREG(mode) or stat.S_IFMT(mode) == 0):
    raise UnpackError(
      'an unsafe zip archive: a member is a link or device; unpack it yourself '
      'if you trust it'
    )
  if member.flag_bits & _ENCRYPTED:
    raise UnpackError('an encrypted zip archive; unpack it first')
  if member.compress_type not in _READ_METHODS:
    method = zipfile.compressor_names.get(
      member.compress_type, f'method {member.compress_type}'
    )
    raise UnpackError(
      f'a zip archive that is packed with {method}, which is not read; unpack '
      'it first'
    )


def _check_sizes(
  path: pathlib.Path, members: list[zipfile.ZipInfo], budget: budget_lib.Budget
) -> None:
  total = sum(member.file_size for member in members)
  packed = path.stat().st_size
  free = shutil.disk_usage(path.parent).free
  bomb = (
    total > limits.ARCHIVE_FREE_BYTES and total > limits.ARCHIVE_RATIO * packed
  )
  if bomb:
    raise UnpackError(
      f'an unsafe zip archive: {packed:,} bytes unpack to {total:,}'
    )
  budget.check(size=total)
  if total > free:
    raise UnpackError(
      f'it unpacks to {total:,} bytes, but the disk has {free:,} left'
    )


def _write(
  chunks: Iterator[bytes],
  target: pathlib.Path,
  budget: budget_lib.Budget,
  limit: int | None = None,
) -> pathlib.Path:
  size = 0
  with contextlib.closing(chunks), target.open('xb') as file:
    for chunk in chunks:
      size += len(chunk)
      if limit is not None and size > limit:
        raise UnpackError(f'it unpacks to more than {limit:,} bytes')
      budget.take(size=len(chunk))
      file.write(chunk)
  return target
