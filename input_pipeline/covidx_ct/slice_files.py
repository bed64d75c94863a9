# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The image files of a split: whether they are there, whole, and fit a box."""

import itertools
import os

from etils import epath

from input_pipeline import image_file
from input_pipeline.covidx_ct import split_file


def check_present(splits: split_file.Splits, images: epath.Path) -> None:
  """Raises FileNotFoundError, with file and line, unless all are there."""
  # One listing of the folder: a file that is missing is found before minutes
  # of work, and a network disk is asked once.
  present = set(os.listdir(images))
  for entry in itertools.chain.from_iterable(splits.values()):
    if entry.file_name not in present:
      raise FileNotFoundError(
        f'{entry.place}: there is no image {entry.file_name!r} in {images}.'
      )


def read_checked(entry: split_file.Slice, images: epath.Path) -> bytes:
  """Returns the PNG's bytes; raises ValueError if it or its box is bad."""
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
