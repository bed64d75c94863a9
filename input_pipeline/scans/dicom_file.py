# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Parses a DICOM file once: its header, and where and how its pixels are kept.

What is found in the file counts, not what it says of itself: some files are
explicit where they say implicit, or have no preamble.
"""

from collections.abc import Iterator
import contextlib
import io
import pathlib
from typing import Any, BinaryIO, NamedTuple
import warnings
import zlib

import numpy as np
import pydicom
import pydicom.filereader
import pydicom.pixels
import pydicom.uid

from input_pipeline.scans import decoder
from input_pipeline.scans import limits

DEFLATED = pydicom.uid.DeflatedExplicitVRLittleEndian
# The element of a deflated file that says so, which is in its first bytes.
_SAYS_DEFLATED = b'\2\0\x10\0UI\x16\0' + DEFLATED.encode()
_HEAD_BYTES = 4096
# The largest size in bytes to which a deflated file may inflate.
_MAX_INFLATED = limits.FILE_BYTES // 8
_PIXEL_DATA = 0x7FE00010
# Pixel data of whole numbers, of float32 and of float64.
_PIXEL_TAGS = frozenset((_PIXEL_DATA, 0x7FE00008, 0x7FE00009))


class DamagedError(ValueError):
  """The file is damaged or unsafe. The message quotes nothing of it."""

  cause = 'damaged'

  def __init__(self, what: str):
    super().__init__(f'a damaged DICOM file: {what}; export the file again')


class NotReadError(ValueError):
  """The pixels cannot be read, but are not damaged. The message says why."""


class NotAScanError(ValueError):
  """The file is intact but holds no axial chest CT slice."""

  cause = 'other'


class PixelData(NamedTuple):
  """Where the pixels of a file are, and how they are encoded.

  Attributes:
    path: the file.
    version: its size in bytes, and when it was changed.
    syntax: transfer syntax of the pixels.
    offset: where they begin in the file, or in what it inflates to.
    length: number of bytes; None if they are compressed.
    options: their shape and type, for pydicom's decoders.
  """

  path: pathlib.Path
  version: tuple[int, int]
  syntax: pydicom.uid.UID
  offset: int
  length: int | None
  options: dict[str, Any]


class Parsed(NamedTuple):
  """A parsed file.

  Attributes:
    dataset: the header.
    doubled: tags of the elements that the header contains twice.
    pixels: None if the file has none, or none of whole numbers.
  """

  dataset: pydicom.Dataset
  doubled: set[int]
  pixels: PixelData | None


@contextlib.contextmanager
def quiet() -> Iterator[None]:
  """Silences pydicom's warnings while in a `with` block.

  Anonymized files have ids and dates that break the rules of DICOM. Nothing
  here depends on these values.
  """
  with warnings.catch_warnings():
    warnings.filterwarnings('ignore', module=r'pydicom\.')
    yield


def parse(path: pathlib.Path) -> Parsed:
  """Returns the header of a file and where its pixels are.

  Raises:
    DamagedError: the file inflates to more than the limit, or its pixels are
      not encoded as it says. Other errors are pydicom's.
  """
  version = _version(path)
  places, doubled, found = {}, set(), []
  with _open(path) as (file, is_inflated):

    def is_at_pixels(tag: int, representation: str | None, length: int) -> bool:
      place = file.tell()
      if tag in _PIXEL_TAGS:
        if tag == _PIXEL_DATA:
          found.append((place, length, representation))
        return True
      # pydicom may ask twice for the first element, two bytes apart.
      if place - places.setdefault(tag, place) > 2:
        doubled.add(tag)
      return False

    dataset = pydicom.filereader.read_partial(file, is_at_pixels, force=True)
  if not found:
    return Parsed(dataset, doubled, None)
  offset, length, representation = found[-1]
  length = None if length == 0xFFFFFFFF else length
  pixels = PixelData(
    path,
    version,
    DEFLATED if is_inflated else _syntax(dataset, length),
    offset,
    length,
    # Padding may be told by bits that are not used otherwise.
    {'pixel_vr': representation or 'OW', 'correct_unused_bits': False},
  )
  return Parsed(dataset, doubled, pixels)


def frame(pixels: PixelData, index: int) -> np.ndarray:
  """Returns the stored values of a frame, `[H, W]`, with their unused bits.

  Raises:
    NotReadError: the file was changed since it was parsed, or its transfer
      syntax is not read.
    ValueError: the pixels are compressed and damaged. Other errors are
      pydicom's.
  """
  if _version(pixels.path) != pixels.version:
    raise NotReadError('the file was changed while it was read; start again')
  _check_syntax(pixels)
  if pixels.syntax.is_compressed:
    return decoder.decode(
      path=str(pixels.path.absolute()),
      offset=pixels.offset,
      syntax=pixels.syntax,
      index=index,
      options=pixels.options,
    )
  decode = pydicom.pixels.get_decoder(pixels.syntax).as_array
  with _open(pixels.path) as (file, _):
    file.seek(pixels.offset)
    return decode(file, index=index, raw=True, **pixels.options)[0]


def _check_syntax(pixels: PixelData) -> None:
  syntax = pixels.syntax
  name = '' if syntax.name == syntax else f'{syntax.name}, '
  try:
    is_read = pydicom.pixels.get_decoder(syntax).is_available
  except NotImplementedError:
    is_read = False
  bits = pixels.options['bits_stored']
  # GDCM turns values just below 0 into the largest value: white spots in air.
  if syntax == pydicom.uid.JPEGExtended12Bit and bits != 8:
    is_read, name = False, f'{name}{bits} bits, '
  if is_read:
    return
  number = ''.join(x for x in syntax if x in '.0123456789')
  raise NotReadError(
    f'its pixels are compressed in a way that is not read ({name}transfer '
    f'syntax {number}); export the file uncompressed or as JPEG lossless'
  )


def _version(path: pathlib.Path) -> tuple[int, int]:
  facts = path.stat()
  return facts.st_size, facts.st_mtime_ns


def _syntax(dataset: pydicom.Dataset, length: int | None) -> pydicom.uid.UID:
  declared = dataset.file_meta.get('TransferSyntaxUID')
  is_known = bool(declared) and declared.is_transfer_syntax
  if declared and (not is_known or declared.is_compressed):
    if length is not None and is_known:
      raise DamagedError(
        f'its pixels should be {declared.name}, but are not compressed'
      )
    return declared
  if length is None:
    raise DamagedError('its pixels are compressed, but it does not say how')
  _, is_little_endian = dataset.original_encoding
  if is_little_endian:
    return pydicom.uid.ExplicitVRLittleEndian
  return pydicom.uid.ExplicitVRBigEndian


@contextlib.contextmanager
def _open(path: pathlib.Path) -> Iterator[tuple[BinaryIO, bool]]:
  """Yields the file, and whether it is the inflated data set of the file."""
  with path.open('rb') as file:
    head = file.read(_HEAD_BYTES)
    file.seek(0)
    if _SAYS_DEFLATED in head:
      yield io.BytesIO(_inflated(file, head)), True
    else:
      yield file, False


# pydicom would inflate any number of bytes.
def _inflated(file: BinaryIO, head: bytes) -> bytes:
  start = 132 if head[128:132] == b'DICM' else 0
  # The first element of group 2 is its length without that element.
  length = int.from_bytes(head[start + 8 : start + 12], 'little')
  file.seek(start + 12 + length)
  inflater, content = zlib.decompressobj(-zlib.MAX_WBITS), bytearray()
  while not inflater.eof:
    chunk = inflater.unconsumed_tail or file.read(1 << 16)
    if not chunk:
      raise DamagedError('the end is missing')
    content += inflater.decompress(chunk, 1 << 22)
    if len(content) > _MAX_INFLATED:
      raise DamagedError(f'it inflates to more than {_MAX_INFLATED:,} bytes')
  return bytes(content)
