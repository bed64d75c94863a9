# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""PNG and JPEG files as scans: the images of a folder are one scan.

Their order is that of `input_file.natural_key`: 2 comes before 10.
"""

from collections.abc import Sequence
import functools

import numpy as np
from PIL import Image

from input_pipeline import image_file
from input_pipeline import preprocess
from input_pipeline.scans import input_file
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
    encoded = file.path.read_bytes()
    image = image_file.decode(encoded, '')
    plain = image_file.plain_gray(image, encoded, '', range_16bit=range_16bit)
  except ValueError as error:
    reason = str(error).strip().removeprefix('is ')
    raise scan.UnreadableError(file.name, reason) from error
  except OSError as error:
    reason = f'it cannot be read: {error.strerror}'
    raise scan.UnreadableError(file.name, reason) from error
  try:
    # Decoded as in training; other decoders differ by a gray value.
    gray = preprocess.decode(plain)
  # It says that the file has changed, as it was checked long before a training.
  except ValueError as error:
    raise scan.UnreadableError(
      file.name, 'not every decoder reads this image; export it again'
    ) from error
  return scan.Pixels(gray, _colour(image))


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
        x.path,
      )
      for x, digest in zip(files, digests, strict=True)
    ],
    window=None,
    notes=(note,) if len(files) > 1 else (),
  )


def _colour(image: Image.Image) -> float:
  """Returns the `Pixels.colour` of an image, measured on every 16th pixel."""
  if image.mode in ('L', 'LA', '1') or image.mode[0] == 'I':
    return 0.0
  channels = np.asarray(image.convert('RGB'))[::4, ::4].astype(np.int16)
  return float((channels.max(axis=-1) - channels.min(axis=-1)).mean())
