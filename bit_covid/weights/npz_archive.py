# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Reads .npz archives from strangers: looks at every header before any array.

`np.load(allow_pickle=False)` refuses pickles, but allocates whatever a header
of a few bytes declares. Here a member's declared size must be the size that it
has, so that a caller can compare all shapes with what it expects before the
first array is allocated.
"""

from collections.abc import Mapping
import io
import math
import os
from typing import IO, NamedTuple
import zipfile

from etils import epath
import numpy as np

from bit_covid.base import files

# Plain numbers only: the parameters, and the bytes of our own metadata.
_DTYPES = (np.dtype(np.float32), np.dtype(np.uint8))
# The ways in which NumPy packs arrays. Of the others, zipfile unpacks pieces
# without limit.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# NumPy refuses longer headers, but reads them first.
_HEADER_BYTES = 10_000
# On damaged bytes zipfile, its decompressors and NumPy's parser of headers have
# errors without a common class: zlib.error, LZMAError, TokenError and others.
_DAMAGED = Exception


class Header(NamedTuple):
  """What an archive says of one array."""

  shape: tuple[int, ...]
  dtype: np.dtype
  member: str


def read_headers(path: str | os.PathLike[str]) -> Mapping[str, Header]:
  """Returns the header of every array in the archive, by key.

  Raises:
    FileNotFoundError: there is no such file.
    ValueError: the file is no zip archive or does not fit its checksum, or a
      member is no plain array of numbers of the declared size; the message
      names file and member.
  """
  headers = {}
  _check_file(epath.Path(path))
  files.check_npz(path)
  with epath.Path(path).open('rb') as file, _open(file, path) as archive:
    for info in archive.infolist():
      key = info.filename.removesuffix('.npy')
      if key in headers:
        raise ValueError(f'{path}: {key!r} is in the archive twice.')
      headers[key] = _read_header(archive, info, path)
  return headers


def _check_file(path: epath.Path) -> None:
  # Pipes and devices have no end, and neither have some files of /proc, whose
  # size is 0.
  if path.exists() and not (path.is_file() and path.stat().length):
    raise ValueError(
      f'{path}: empty, or no file; expected an .npz file. Copy it again.'
    )


def _open(file: IO[bytes], path: str | os.PathLike) -> zipfile.ZipFile:
  try:
    return zipfile.ZipFile(file)
  except _DAMAGED as error:
    raise ValueError(
      f'{path}: not a readable .npz file ({_reason(error)}). If it was '
      'downloaded, it may be incomplete: remove it and download it again.'
    ) from error


def _reason(error: Exception) -> str:
  return str(error) or type(error).__name__


def _read_header(
  archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: str | os.PathLike
) -> Header:
  name = f'{path}: {info.filename!r}'
  if not info.filename.endswith('.npy'):
    raise ValueError(f'{name} is not an .npy array.')
  if info.compress_type not in _METHODS:
    method = zipfile.compressor_names.get(info.compress_type, 'another method')
    raise ValueError(
      f'{name} is packed with {method}; NumPy only stores arrays, or deflates '
      'them. Save it with numpy.savez.'
    )
  try:
    with archive.open(info) as member:
      read, width = {
        (1, 0): (np.lib.format.read_array_header_1_0, 2),
        (2, 0): (np.lib.format.read_array_header_2_0, 4),
      }[np.lib.format.read_magic(member)]
      length = member.read(width)
      size = min(int.from_bytes(length, 'little'), _HEADER_BYTES)
      shape, _, dtype = read(io.BytesIO(length + member.read(size)))
      header_bytes = member.tell()
  except _DAMAGED as error:
    reason = _reason(error)
    raise ValueError(f'{name} has no valid .npy header: {reason}') from error
  if dtype.hasobject:
    raise ValueError(
      f'{name} is a pickle, which could run code; BiT files hold only numbers.'
    )
  if dtype.newbyteorder('=') not in _DTYPES:
    raise ValueError(
      f'{name} has dtype {dtype}; expected one of '
      f'{", ".join(map(str, _DTYPES))}.'
    )
  declared = math.prod(shape) * dtype.itemsize
  if min(shape, default=0) < 0 or declared != info.file_size - header_bytes:
    raise ValueError(
      f'{name} declares the shape {shape} of {dtype}, {declared} bytes, but '
      f'the member holds {info.file_size - header_bytes}. The file is '
      'damaged or was made to mislead.'
    )
  return Header(shape, dtype, info.filename)


def read_arrays(
  path: str | os.PathLike[str], headers: Mapping[str, Header]
) -> dict[str, np.ndarray]:
  """Returns the arrays of those headers, in the machine's byte order.

  Raises:
    ValueError: the bytes of a member end early or do not match its checksum.
  """
  arrays = {}
  with epath.Path(path).open('rb') as file, _open(file, path) as archive:
    for key, header in headers.items():
      try:
        with archive.open(header.member) as member:
          array = np.lib.format.read_array(member, allow_pickle=False)
          # zipfile compares the checksum where it meets the member's end.
          if member.read(1):
            raise ValueError('bytes after the array')
      except _DAMAGED as error:
        reason = _reason(error)
        raise ValueError(f'{path}: {key!r} is damaged: {reason}') from error
      arrays[key] = array.astype(array.dtype.newbyteorder('='), copy=False)
  return arrays


def check_members(path: str | os.PathLike[str]) -> None:
  """Compares the bytes of each member with its checksum, in little memory.

  Raises:
    ValueError: the file is no zip archive, or a member is damaged.
  """
  with epath.Path(path).open('rb') as file, _open(file, path) as archive:
    try:
      damaged = archive.testzip()
    except _DAMAGED as error:
      raise ValueError(f'{path} is damaged: {_reason(error)}') from error
  if damaged is not None:
    raise ValueError(f'{path}: {damaged!r} is damaged.')
