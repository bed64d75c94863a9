# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""PNG and JPEG files as scans: the images of a folder are one scan.

Their order is that of `input_file.natural_key`: 2 comes before 10.
"""

from collections.abc import Sequence
import functools
import io

import numpy as np
from PIL import Image
from PIL import UnidentifiedImageError

from input_pipeline import image_file
from input_pipeline import preprocess
from input_pipeline.scans import input_file
from input_pipeline.scans import limits
from input_pipeline.scans import scan


def to_scans(
  files: Sequence[input_file.InputFile],
  *,
  range_16bit: tuple[int, int],
  images_are_scans: bool,
) -> list[scan.Scan]:
  """Returns the images as scans, in the order in which they are given.

  Args:
    files: PNG and JPEG files.
    range_16bit: values of a 16-bit image that become 0 and 255.
    images_are_scans: whether each image is a scan, instead of each folder.
  """
  groups: dict[str, list[input_file.InputFile]] = {}
  for file in files:
    groups.setdefault(
      file.name if images_are_scans else file.folder, []
    ).append(file)
  return [_to_scan(group, range_16bit) for group in groups.values()]


def read(
  file: input_file.InputFile, range_16bit: tuple[int, int]
) -> scan.Pixels:
  """Returns the gray values of an image and how colourful it was.

  Raises:
    scan.UnreadableError: the image is damaged or too large.
  """
  try:
    encoded = image_file.read(file.path)
    _check_size(file)
    plain = image_file.to_plain_gray(encoded, '', range_16bit=range_16bit)
    # Decoded as in training; other decoders differ by a gray value.
    gray = preprocess.decode(plain)
    colour = _colour(encoded)
  except ValueError as error:
    reason = str(error).strip().removeprefix('is ')
    raise scan.UnreadableError(file.name, reason) from error
  except (OSError, Image.DecompressionBombError) as error:
    problem = getattr(error, 'strerror', None) or 'it is damaged or too large'
    raise scan.UnreadableError(
      file.name, f'it cannot be read: {problem}'
    ) from error
  return scan.Pixels(gray, colour)


def _check_size(file: input_file.InputFile) -> None:
  try:
    with Image.open(file.path, formats=('PNG', 'JPEG')) as picture:
      width, height = picture.size
  except (SyntaxError, UnidentifiedImageError) as error:
    raise ValueError(
      'not a readable PNG or JPEG image; copy or export it again'
    ) from error
  problem = limits.size_problem(height, width)
  if problem:
    raise ValueError(problem)


def _to_scan(
  files: Sequence[input_file.InputFile], range_16bit: tuple[int, int]
) -> scan.Scan:
  note = (
    f'The {len(files)} images of one folder are used as the slices of one '
    'scan, in the order in which they were given.'
  )
  digests = [x.digest().encode() for x in files]
  return scan.Scan(
    id=scan.digest(*digests),
    name=files[0].name if len(files) == 1 else files[0].folder,
    source='images',
    slices=[
      scan.Slice(
        x.name,
        None,
        functools.partial(read, x, range_16bit),
        x.name,
        scan.digest(digest),
      )
      for x, digest in zip(files, digests, strict=True)
    ],
    window=None,
    notes=(note,) if len(files) > 1 else (),
  )


def _colour(encoded: bytes) -> float:
  """Returns the `Pixels.colour` of an image, measured on every 16th pixel."""
  with Image.open(io.BytesIO(encoded)) as picture:
    if picture.mode in ('L', 'LA', '1') or picture.mode[0] == 'I':
      return 0.0
    channels = np.asarray(picture.convert('RGB'))[::4, ::4].astype(np.int16)
  return float((channels.max(axis=-1) - channels.min(axis=-1)).mean())
