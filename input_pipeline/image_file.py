# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Reads and checks image files, and converts unusual ones to 8-bit gray."""

import io
import os

from etils import epath
import numpy as np
from PIL import Image
from PIL import ImageFile
from PIL import UnidentifiedImageError

from input_pipeline import conventions

SUFFIXES = ('.png', '.jpg', '.jpeg')

# The last chunk of a PNG: length 0, name, and checksum.
_PNG_END = b'\0\0\0\0IEND\xaeB`\x82'


def decode(encoded: bytes, name: str | os.PathLike[str]) -> Image.Image:
  """Returns the decoded image.

  Raises:
    ValueError: the bytes are no whole PNG or JPEG. The message gives the name.
  """
  assert not ImageFile.LOAD_TRUNCATED_IMAGES  # Pillow's default.
  try:
    # `load` stops once it has the pixels. The checksums and the end of a PNG
    # are checked too, as another decoder may refuse the file during a run.
    Image.open(io.BytesIO(encoded), formats=('PNG', 'JPEG')).verify()
    image = Image.open(io.BytesIO(encoded), formats=('PNG', 'JPEG'))
    image.load()
    if image.format == 'PNG' and _PNG_END not in encoded:
      raise ValueError('the end of the file is missing')
  except (
    OSError,
    SyntaxError,
    ValueError,
    UnidentifiedImageError,
    Image.DecompressionBombError,
  ) as error:
    raise ValueError(
      f'{os.fspath(name)} is not a readable PNG or JPEG image '
      f'({len(encoded)} bytes): {error}'
    ) from error
  return image


def read(path: str | os.PathLike[str]) -> bytes:
  """Returns the bytes of the file.

  Raises:
    FileNotFoundError: the file does not exist.
  """
  try:
    return epath.Path(path).read_bytes()
  except FileNotFoundError as error:
    raise FileNotFoundError(
      f'The image {os.fspath(path)} does not exist.'
    ) from error


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
) -> bytes:
  """Returns the image as bytes that all decoders turn into the same 8-bit gray.

  8-bit gray PNGs and gray or RGB JPEGs are returned unchanged. Other images are
  decoded by Pillow and become 8-bit gray PNGs, as decoders differ in them:

  - 16-bit gray: the values of `range_16bit` become 0 to 255, where others keep
    the high byte.
  - Transparency: transparent pixels become black, where others drop the alpha
    channel.
  - Colour: becomes luma (ITU-R 601) of the stored values. TensorFlow and OpenCV
    take a gAMA chunk into account and may get other gray values.

  Raises:
    ValueError: the image is unreadable, a 16-bit PNG in colour, or 16-bit gray
      and nearly of one colour under `range_16bit`.
  """
  image = decode(encoded, name)
  # Byte 24 of a PNG is its bit depth. Pillow decodes 16-bit colour to 8 bits.
  if image.format == 'PNG' and encoded[24] == 16 and image.mode[0] != 'I':
    raise ValueError(
      f'{os.fspath(name)} is a 16-bit PNG in colour or with transparency. '
      'Convert it to 16-bit gray, or to 8 bits.'
    )
  is_jpeg = image.format == 'JPEG' and image.mode in ('L', 'RGB')
  if is_jpeg or (image.mode == 'L' and not image.has_transparency_data):
    return encoded
  if image.mode[0] == 'I':
    image = Image.fromarray(_from_16bit(np.asarray(image), name, range_16bit))
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
) -> np.ndarray:
  low, high = range_16bit
  if not low < high:
    raise ValueError(
      f'config.data.range_16bit is {range_16bit}; expected black, then white: '
      'two values, the first of them smaller.'
    )
  if image.max() != image.min() and (image.max() <= low or image.min() >= high):
    raise ValueError(
      f'{os.fspath(name)} is a 16-bit image of values from {image.min()} to '
      f'{image.max()}, all of them outside of config.data.range_16bit='
      f'{range_16bit}: it would be of one colour.'
    )
  scaled = (image.astype(np.float32) - low) / (high - low)
  # Catches 12-bit values in a 16-bit file, which would become almost black.
  if 0 < scaled.max() < 1 / 16:
    raise ValueError(
      f'{os.fspath(name)} is a 16-bit image whose largest value is '
      f'{image.max()}: with {low} as black and {high} as white it would be '
      'nearly black. Set config.data.range_16bit to the values that stand '
      'for black and white, (0, 4095) for 12-bit images.'
    )
  return np.rint(np.clip(scaled, 0, 1) * 255).astype(np.uint8)
