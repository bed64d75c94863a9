# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Reads the split files of COVIDx CT, and checks the images that they list.

Each line is a slice: `<file name> <class> <xmin> <ymin> <xmax> <ymax>`.
"""

from collections.abc import Mapping, Sequence
import itertools
import os
import re
from typing import NamedTuple

from etils import epath

from input_pipeline import conventions
from input_pipeline import image_file
from input_pipeline.covidx_ct import file_names

# The slices of each split, by its name.
Splits = Mapping[str, Sequence['Slice']]


class Slice(NamedTuple):
  """One line of a split file.

  Attributes:
    file_name: name of the PNG, without a folder.
    label: index into `conventions.COVIDX_CT`.
    box: xmin, ymin, xmax, ymax in pixels, end exclusive.
    patient_id: parsed from the file name, as the `source` is.
    source: the collection that the slice comes from.
    place: 'file:line' for error messages.
  """

  file_name: str
  label: int
  box: tuple[int, int, int, int]
  patient_id: str
  source: str
  place: str


def read(path: str | os.PathLike[str]) -> list[Slice]:
  """Returns the slices of a split file in order.

  Raises:
    ValueError: a line is invalid, or a file is listed twice. The message begins
      with file and line number.
  """
  # Read as bytes, as text mode would hide a carriage return.
  try:
    text = epath.Path(path).read_bytes().decode('utf-8')
  except UnicodeDecodeError as error:
    raise ValueError(f'{os.fspath(path)} is no text file: {error}') from error
  lines = text.removesuffix('\n').split('\n')
  slices = []
  places: dict[str, str] = {}
  for number, line in enumerate(lines, start=1):
    entry = _parse_line(line, f'{os.fspath(path)}:{number}')
    slices.append(entry)
    first = places.setdefault(entry.file_name, entry.place)
    if first != entry.place:
      raise ValueError(
        f'{entry.place}: {entry.file_name!r} is already in {first}; each '
        'slice must stand in a split once.'
      )
  return slices


def _parse_line(line: str, place: str) -> Slice:
  if line.endswith('\r'):
    raise ValueError(
      f'{place}: the line ends in CRLF. Convert the file to plain newlines '
      "(sed -i 's/\\r$//' FILE, or dos2unix)."
    )
  fields = line.split(' ')
  if len(fields) != 6 or '' in fields:
    raise ValueError(
      f'{place}: {line!r}; expected six fields with one space between them: '
      'file name, class, xmin, ymin, xmax, ymax.'
    )
  name, *numbers = fields
  if not all(re.fullmatch(r'\d{1,6}', number) for number in numbers):
    raise ValueError(
      f'{place}: {" ".join(numbers)!r}; expected five whole numbers: class, '
      'xmin, ymin, xmax, ymax.'
    )
  label, *corners = map(int, numbers)
  if label >= len(conventions.COVIDX_CT):
    raise ValueError(
      f'{place}: class {label}; expected 0 (Normal), 1 (CP) or 2 (NCP).'
    )
  xmin, ymin, xmax, ymax = corners
  if not (xmin < xmax and ymin < ymax):
    raise ValueError(
      f'{place}: the box {xmin} {ymin} {xmax} {ymax} is empty or inverted; '
      'expected xmin < xmax and ymin < ymax.'
    )
  if '/' in name or '\\' in name or '..' in name:
    raise ValueError(
      f'{place}: {name!r} is a path; expected the plain name of a file in '
      'the image folder.'
    )
  try:
    origin = file_names.parse(name)
  except ValueError as error:
    raise ValueError(f'{place}: {error}') from error
  return Slice(name, label, (xmin, ymin, xmax, ymax), *origin, place)


def check_images_exist(splits: Splits, images: epath.Path) -> None:
  """Checks that the folder `images` holds the images of all slices.

  Raises:
    FileNotFoundError: an image does not exist.
  """
  # The folder is listed once. So a missing file is found before minutes of
  # work, with a single request to a network disk.
  present = set(os.listdir(images))
  for entry in itertools.chain.from_iterable(splits.values()):
    if entry.file_name not in present:
      raise FileNotFoundError(
        f'{entry.place}: there is no image {entry.file_name!r} in {images}.'
      )


def read_image(entry: Slice, images: epath.Path) -> bytes:
  """Returns the bytes of a slice's PNG in the folder `images`, after checks.

  Raises:
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
