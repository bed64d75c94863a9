# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Opens zip archives and reads their members in pieces of limited size.

`zipfile` reads the directory of an archive whole, whatever its size. Of members
that are packed with bzip2 or LZMA it unpacks 4 kB at a time, which may become
gigabytes.
"""

import bz2
from collections.abc import Iterator
import contextlib
import copy
import io
import lzma
import pathlib
from typing import IO
import zipfile
import zlib

from input_pipeline.scans import limits

CHUNK = 1 << 20
# Bit of a member's flags: its LZMA stream has a mark at its end.
_HAS_END = 0x2
# Before an LZMA stream: version, size of the properties, and the properties, of
# which the last four bytes are the size of the dictionary.
_LZMA_HEAD = 9


class _File(io.FileIO):
  """A file of which no large piece is read at once, such as a directory."""

  def read(self, size: int | None = -1) -> bytes:
    if size is not None and size > limits.DIRECTORY_BYTES:
      raise zipfile.BadZipFile('the directory is too large')
    return super().read(size)


@contextlib.contextmanager
def opened(path: pathlib.Path) -> Iterator[zipfile.ZipFile]:
  """Yields an archive; errors are those of zipfile."""
  with _File(path) as file, zipfile.ZipFile(file) as archive:
    yield archive


def chunks(
  archive: zipfile.ZipFile, member: zipfile.ZipInfo
) -> Iterator[bytes]:
  """Yields the content of a member in pieces of up to `CHUNK` bytes.

  Raises:
    zipfile.BadZipFile: the content is not as the directory says. Other errors
      are those of the decompressors.
  """
  if member.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
    with archive.open(member) as file:
      yield from iter(lambda: file.read(CHUNK), b'')
    return
  size, checksum = 0, 0
  for chunk in _unpacked(archive, member):
    size, checksum = size + len(chunk), zlib.crc32(chunk, checksum)
    if size > member.file_size:
      break
    yield chunk
  if (size, checksum) != (member.file_size, member.CRC):
    raise zipfile.BadZipFile('size or checksum are others')


def _unpacked(
  archive: zipfile.ZipFile, member: zipfile.ZipInfo
) -> Iterator[bytes]:
  """Yields what a member of bzip2 or LZMA unpacks to, whatever its size.

  Raises:
    EOFError: the end is missing.
  """
  with _packed(archive, member) as file:
    if member.compress_type == zipfile.ZIP_BZIP2:
      decompressor, data = bz2.BZ2Decompressor(), b''
    else:
      decompressor = lzma.LZMADecompressor(
        lzma.FORMAT_ALONE, limits.DICTIONARY_BYTES
      )
      # In a file of its own, such a stream begins with properties and size.
      size = -1 if member.flag_bits & _HAS_END else member.file_size
      data = file.read(_LZMA_HEAD)[4:] + size.to_bytes(8, 'little', signed=True)
    while not decompressor.eof:
      if decompressor.needs_input and not data:
        data = file.read(CHUNK)
        if not data:
          raise EOFError
      yield decompressor.decompress(data, CHUNK)
      data = b''


def _packed(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> IO[bytes]:
  """Returns the bytes of a member as they are in the archive."""
  stored = copy.copy(member)
  stored.compress_type = zipfile.ZIP_STORED
  stored.file_size = member.compress_size
  # It is that of the unpacked content.
  del stored.CRC
  return archive.open(stored)
