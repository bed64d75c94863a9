# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Reads and checks image files, and converts unusual ones to 8-bit gray."""

import io
import os

from etils import epath
import numpy as np
from PIL import Image
from PIL import ImageFile

from input_pipeline import conventions
from input_pipeline import gray_png

# The smallest part of black to white that a 16-bit image should fill. 12-bit
# values fill less of the full range.
_MIN_SPAN = 1 / 16

# Progressive JPEGs have about ten scans, each with a mark in the file. A few
# kilobytes can hold thousands, which take minutes. Previews and other metadata
# may hold the mark as well.
_MOST_PASSES = 100

SUFFIXES = ('.png', '.jpg', '.jpeg')

# The last chunk of a PNG: length 0, name, and checksum.
_PNG_END = b'\0\0\0\0IEND\xaeB`\x82'


class NarrowRangeError(ValueError):
  """A 16-bit image would be nearly of one gray value."""


def decode(encoded: bytes, name: str | os.PathLike[str]) -> Image.Image:
  """Returns the decoded image.

  Raises:
    ValueError: the bytes are no whole PNG or JPEG. The message gives the name.
  """
  assert not ImageFile.LOAD_TRUNCATED_IMAGES  # Pillow's default.
  problem = gray_png.size_problem(encoded) or _passes_problem(encoded)
  if problem is None:
    try:
      # `load` stops once it has the pixels. The checksums and the end of a PNG
      # are checked too, as another decoder may refuse the file during a run.
      Image.open(io.BytesIO(encoded), formats=('PNG', 'JPEG')).verify()
      image = Image.open(io.BytesIO(encoded), formats=('PNG', 'JPEG'))
      if image.width * image.height <= gray_png.MAX_PIXELS:
        image.load()
        if image.format == 'JPEG' or _PNG_END in encoded:
          return image
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
      pass
    problem = 'it is damaged, too large or of another kind'
  raise ValueError(
    f'{os.fspath(name)} is not a readable PNG or JPEG image ({len(encoded)} '
    f'bytes): {problem}. Restore it, or leave it out.'
  )


def _passes_problem(encoded: bytes) -> str | None:
  """Returns why a JPEG takes too long to decode; None if it does not."""
  # Each of the scans of a progressive JPEG is a pass over all pixels.
  passes = encoded.count(b'\xff\xda')
  if passes <= _MOST_PASSES or not encoded.startswith(b'\xff\xd8'):
    return None
  return (
    f'it has {passes:,} passes over its pixels; at most {_MOST_PASSES} are read'
  )


def is_16bit_png(encoded: bytes) -> bool:
  """Returns whether a readable PNG or JPEG is a PNG of 16 bits per channel."""
  return encoded.startswith(b'\x89PNG') and encoded[24] == 16


def read(path: str | os.PathLike[str]) -> bytes:
  """Returns the bytes of the file.

  Raises:
    OSError: the file does not exist (FileNotFoundError) or cannot be read.
  """
  try:
    return epath.Path(path).read_bytes()
  except OSError as error:
    problem = f'cannot be read ({error.strerror}). Allow it, or leave it out'
    if isinstance(error, FileNotFoundError):
      problem = 'does not exist'
    raise type(error)(f'The image {os.fspath(path)} {problem}.') from error


def check_box(
  box: tuple[int, int, int, int], size: tuple[int, int], name: str
) -> None:
  """Checks a box: xmin, ymin, xmax, ymax in pixels, end exclusive.

  Raises:
    ValueError: it is empty, or not in an image of this size (width, height).
  """
  xmin, ymin, xmax, ymax = box
  width, height = size
  if not (0 <= xmin < xmax <= width and 0 <= ymin < ymax <= height):
    raise ValueError(
      f'{name}: the box {box} (xmin, ymin, xmax, ymax) is empty or does not '
      f'lie in the image, which is {width} x {height} pixels.'
    )


def to_plain_gray(
  encoded: bytes,
  name: str | os.PathLike[str],
  *,
  range_16bit: tuple[int, int] = conventions.FULL_RANGE_16BIT,
  allow_narrow: bool = False,
) -> bytes:
  """Returns the image as bytes that all decoders turn into the same 8-bit gray.

  8-bit gray PNGs and gray or RGB JPEGs are returned unchanged. Other images are
  decoded by Pillow and become 8-bit gray PNGs, as decoders differ in them. Of
  16-bit gray, `range_16bit` becomes 0 to 255. Transparent pixels become black.
  Colour becomes luma (ITU-R 601) of the stored values, without regard to gAMA.

  Raises:
    ValueError: the image is unreadable, or a 16-bit PNG in colour.
    NarrowRangeError: unless `allow_narrow`, the values of a 16-bit image fill
      little of `range_16bit`, so that it would be nearly of one gray value.
  """
  image = decode(encoded, name)
  return plain_gray(
    image,
    encoded,
    name,
    range_16bit=range_16bit,
    allow_narrow=allow_narrow,
  )


def plain_gray(
  image: Image.Image,
  encoded: bytes,
  name: str | os.PathLike[str],
  *,
  range_16bit: tuple[int, int] = conventions.FULL_RANGE_16BIT,
  allow_narrow: bool = False,
) -> bytes:
  """Returns what `to_plain_gray` does, of an image that is decoded already.

  Raises:
    ValueError: the image is a 16-bit PNG in colour.
    NarrowRangeError: as in `to_plain_gray`.
  """
  # Pillow decodes 16-bit colour to 8 bits.
  if is_16bit_png(encoded) and image.mode[0] != 'I':
    raise ValueError(
      f'{os.fspath(name)} is a 16-bit PNG in colour or with transparency. '
      'Convert it to 16-bit gray, or to 8 bits.'
    )
  is_jpeg = image.format == 'JPEG' and image.mode in ('L', 'RGB')
  if is_jpeg or (image.mode == 'L' and not image.has_transparency_data):
    return encoded
  if image.mode[0] == 'I':
    gray = _from_16bit(np.asarray(image), name, range_16bit, allow_narrow)
    image = Image.fromarray(gray)
  elif image.has_transparency_data:
    black = Image.new('RGBA', image.size, (0, 0, 0, 255))
    image = Image.alpha_composite(black, image.convert('RGBA'))
  buffer = io.BytesIO()
  image.convert('L').save(buffer, 'PNG', compress_level=1)
  return buffer.getvalue()


def _from_16bit(
  image: np.ndarray,
  name: str | os.PathLike[str],
  range_16bit: tuple[int, int],
  allow_narrow: bool,
) -> np.ndarray:
  black, white = range_16bit
  if not black < white:
    raise ValueError(
      f'config.data.range_16bit is {range_16bit}; expected black, then white: '
      'two values, the first of them smaller.'
    )
  scaled = (image.astype(np.float32) - black) / (white - black)
  scaled = np.clip(scaled, 0, 1)
  low, high = int(image.min()), int(image.max())
  is_narrow = low != high and scaled.max() - scaled.min() < _MIN_SPAN
  if is_narrow and not allow_narrow:
    better = (0, 4095) if high <= 4095 < white else (low, high)
    raise NarrowRangeError(
      f'{os.fspath(name)} is a 16-bit image of values from {low} to {high}. '
      f'With {black} as black and {white} as white it would be nearly of one '
      'gray value. To train, set config.data.range_16bit to the values that '
      f'stand for black and white, such as {better}; for a trained network, '
      'convert the image to 8 bits under the window of its training.'
    )
  return np.rint(scaled * 255).astype(np.uint8)
