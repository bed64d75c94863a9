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
from typing import Any, NamedTuple
import warnings

import numpy as np
import pydicom
import pydicom.filereader
import pydicom.pixels
import pydicom.uid

from input_pipeline.scans import budget as budget_lib
from input_pipeline.scans import decoder
from input_pipeline.scans import limits

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
    offset: where they begin in the file.
    length: number of bytes; None if they are compressed.
    options: their shape and type, for pydicom's decoders.
    budget: that of the call, for the time that decoding takes.
  """

  path: pathlib.Path
  version: tuple[int, int]
  syntax: pydicom.uid.UID
  offset: int
  length: int | None
  options: dict[str, Any]
  budget: budget_lib.Budget


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


class _Header(io.BufferedReader):
  """A file of which the header is read, and not more than a header has.

  An element may be as large as the file, and takes more memory once it is
  parsed.
  """

  def __init__(self, file: io.RawIOBase):
    super().__init__(file)
    self._left = limits.HEADER_BYTES

  def read(self, size: int | None = -1) -> bytes:
    self._left -= self._left + 1 if size is None or size < 0 else size
    if self._left < 0:
      raise DamagedError(
        f'its header has more than {limits.HEADER_BYTES:,} bytes'
      )
    return super().read(size)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
  """Silences pydicom's warnings while in a `with` block.

  Anonymized files have ids and dates that break the rules of DICOM. Nothing
  here depends on these values.
  """
  with warnings.catch_warnings():
    warnings.filterwarnings('ignore', module=r'pydicom\.')
    yield


def parse(path: pathlib.Path, budget: budget_lib.Budget) -> Parsed:
  """Returns the header of a file, not deflated, and where its pixels are.

  Raises:
    DamagedError: the header is too large, or its pixels are not encoded as it
      says. Other errors are pydicom's.
  """
  version = _version(path)
  places, doubled, found = {}, set(), []
  with _Header(io.FileIO(path)) as file:

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
    _syntax(dataset, length),
    offset,
    length,
    # Padding may be told by bits that are not used otherwise.
    {'pixel_vr': representation or 'OW', 'correct_unused_bits': False},
    budget,
  )
  return Parsed(dataset, doubled, pixels)


def frame(pixels: PixelData, index: int) -> np.ndarray:
  """Returns the stored values of a frame, `[H, W]`, with their unused bits.

  Raises:
    NotReadError: the file was changed since it was parsed, or its transfer
      syntax is not read.
    ValueError: the pixels are compressed and damaged. Other errors are
      pydicom's.
    decoder.TooSlowError: decoding them takes too long.
  """
  if _version(pixels.path) != pixels.version:
    raise NotReadError('the file was changed while it was read; start again')
  _check_syntax(pixels)
  if pixels.syntax.is_compressed:
    return decoder.decode(
      pixels.budget,
      path=str(pixels.path.absolute()),
      offset=pixels.offset,
      syntax=pixels.syntax,
      index=index,
      options=pixels.options,
    )
  decode = pydicom.pixels.get_decoder(pixels.syntax).as_array
  with pixels.path.open('rb') as file:
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
