# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Checks that the image files of a split exist, are whole and contain a box."""

import itertools
import os

from etils import epath

from input_pipeline import image_file
from input_pipeline.covidx_ct import split_file


def check_present(splits: split_file.Splits, images: epath.Path) -> None:
  """Raises FileNotFoundError unless all image files exist.

  Args:
    splits: the slices of all splits.
    images: the folder of their images.
  """
  # The folder is listed once. So a missing file is found before minutes of
  # work, with a single request to a network disk.
  present = set(os.listdir(images))
  for entry in itertools.chain.from_iterable(splits.values()):
    if entry.file_name not in present:
      raise FileNotFoundError(
        f'{entry.place}: there is no image {entry.file_name!r} in {images}.'
      )


def read_checked(entry: split_file.Slice, images: epath.Path) -> bytes:
  """Returns the bytes of a slice's PNG after checking it.

  Args:
    entry: the slice.
    images: the folder of the images.

  Raises:
    FileNotFoundError: the file does not exist.
    ValueError: the file is no whole 8-bit PNG, or does not contain the box.
  """
  path = images / entry.file_name
  name = f'{entry.place}: {path}'
  png = image_file.read(path)
  image = image_file.decode(png, name)
  if image.format != 'PNG' or image.mode.startswith('I'):
    raise ValueError(
      f'{name} is {image.format} of mode {image.mode}; expected an 8-bit PNG,'
      ' as COVIDx CT has them.'
    )
  image_file.check_box(entry.box, image.size, name)
  return png
