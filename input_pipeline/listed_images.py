# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""From a list of the user's images to `Examples`."""

from collections.abc import Iterable, Sequence
from concurrent import futures
import functools
from typing import NamedTuple

import numpy as np
import tqdm

from input_pipeline import conventions
from input_pipeline import data_source
from input_pipeline import examples as examples_lib
from input_pipeline import file_stamp
from input_pipeline import image_file

NO_BOX = (0, 0, 0, 0)


class ListedImage(NamedTuple):
  """One image of a split, as a folder or a CSV lists it.

  Attributes:
    file: path of the image.
    place: 'file:line' in a CSV, or the file, for error messages.
    slice_id: path of the file, relative to the folder or to that of the CSV.
    label: name of the class.
    patient_id: the patient. If it is not known it is the id of the slice, so
      each image counts as a patient of its own.
    source: the collection that the image comes from; '' if it is not known.
    box: xmin, ymin, xmax, ymax in pixels, end exclusive; `NO_BOX` if it is not
      known.
  """

  file: str
  place: str
  slice_id: str
  label: str
  patient_id: str
  source: str = ''
  box: tuple[int, int, int, int] = NO_BOX


def order_classes(names: Iterable[str]) -> tuple[str, ...]:
  """Returns the class names sorted, or in COVIDx CT's order if they are its."""
  names = set(names)
  if names == set(conventions.COVIDX_CT):
    return conventions.COVIDX_CT
  return tuple(sorted(names))


class _Checked(NamedTuple):
  # Of the file, as the conversion to gray may differ between Pillow's versions.
  digest: str
  stamp: tuple[int, ...]
  # Whether the file is already what `to_plain_gray` returns.
  is_plain: bool
  is_16bit: bool
  narrow: image_file.NarrowRangeError | None


def _check(range_16bit: tuple[int, int], image: ListedImage) -> _Checked:
  stamp = file_stamp.stamp(image.file)
  encoded = image_file.read(image.file)
  gray, narrow = b'', None
  try:
    gray = image_file.to_plain_gray(
      encoded, image.file, range_16bit=range_16bit
    )
  except image_file.NarrowRangeError as error:
    narrow = error
  if image.box != NO_BOX:
    size = image_file.decode(encoded, image.file).size
    image_file.check_box(image.box, size, image.file)
  digest = examples_lib.digest(encoded)
  is_16bit = image_file.is_16bit_png(encoded)
  return _Checked(digest, stamp, gray == encoded, is_16bit, narrow)


def _check_all(
  images: Sequence[ListedImage], range_16bit: tuple[int, int]
) -> list[_Checked]:
  with futures.ThreadPoolExecutor() as pool:
    # No bar if the check takes less than two seconds or writes to a pipe.
    bar = {'unit': 'image', 'delay': 2, 'disable': None}
    checked = pool.map(functools.partial(_check, range_16bit), images)
    checked = list(tqdm.tqdm(checked, 'Checking images', len(images), **bar))
  # Some slices may be dark. If half of all are, the range is wrong.
  narrow = [x.narrow for x in checked if x.narrow]
  if narrow and 2 * len(narrow) >= sum(x.is_16bit for x in checked):
    raise narrow[0]
  return checked


def to_examples(
  images: Sequence[ListedImage],
  class_names: tuple[str, ...],
  source: data_source.DataSource,
) -> examples_lib.Examples:
  """Returns the images of a split, each decoded once to check it.

  Errors name the file that does not exist, is unreadable or lacks its box.
  """
  checked = _check_all(images, source.range_16bit)

  def read(i: int) -> bytes:
    file = images[i].file
    encoded = image_file.read(file)
    file_stamp.check_same(
      file,
      encoded,
      stamp_before=checked[i].stamp,
      digest_before=checked[i].digest,
    )
    if checked[i].is_plain:
      return encoded
    return image_file.to_plain_gray(
      encoded, file, range_16bit=source.range_16bit, allow_narrow=True
    )

  number = {name: i for i, name in enumerate(class_names)}
  return examples_lib.Examples(
    class_names=class_names,
    slice_id=np.array([image.slice_id for image in images]),
    patient_id=np.array([image.patient_id for image in images]),
    source=np.array([image.source for image in images]),
    label=np.array([number[image.label] for image in images], np.int32),
    box=np.array([image.box for image in images], np.int32),
    digest=np.array([x.digest for x in checked]),
    read=read,
    window=source.window,
  )
