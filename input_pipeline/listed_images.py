# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""From a list of the user's images to `Examples`."""

from collections.abc import Iterable, Sequence
from concurrent import futures
import functools
import pathlib
from typing import NamedTuple

import numpy as np
import tqdm

from input_pipeline import conventions
from input_pipeline import data_source
from input_pipeline import examples as examples_lib
from input_pipeline import image_file

NO_BOX = (0, 0, 0, 0)


class ListedImage(NamedTuple):
  """One image of a split, as a folder or a CSV lists it.

  Attributes:
    file: the image.
    place: 'file:line' in a CSV, or the file, for error messages.
    slice_id: path of the file, relative to the folder or to that of the CSV.
    label: name of the class.
    patient_id: the patient. If it is not known it is the id of the slice, so
      each image counts as a patient of its own.
    source: the collection that the image comes from; '' if it is not known.
    box: xmin, ymin, xmax, ymax in pixels, end exclusive; `NO_BOX` if it is not
      known.
  """

  file: pathlib.Path
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


def to_examples(
  images: Sequence[ListedImage],
  class_names: tuple[str, ...],
  source: data_source.DataSource,
) -> examples_lib.Examples:
  """Returns the images of a split, each decoded once to check it.

  Errors name the file that does not exist, is unreadable or lacks its box.
  """
  to_gray = functools.partial(
    image_file.to_plain_gray, range_16bit=source.range_16bit
  )

  def check(image: ListedImage) -> tuple[str, bool]:
    encoded = image_file.read(image.file)
    is_plain = to_gray(encoded, image.file) == encoded
    if image.box != NO_BOX:
      size = image_file.decode(encoded, image.file).size
      image_file.check_box(image.box, size, str(image.file))
    # Of the file, as the conversion may differ between versions of Pillow.
    return examples_lib.digest(encoded), is_plain

  with futures.ThreadPoolExecutor() as pool:
    # No bar if the check takes less than two seconds or writes to a pipe.
    bar = {'unit': 'image', 'delay': 2, 'disable': None}
    checked = tqdm.tqdm(
      pool.map(check, images), 'Checking images', len(images), **bar
    )
    digests, is_plain = zip(*checked, strict=True)

  def read(i: int) -> bytes:
    encoded = image_file.read(images[i].file)
    return encoded if is_plain[i] else to_gray(encoded, images[i].file)

  number = {name: i for i, name in enumerate(class_names)}
  return examples_lib.Examples(
    class_names=class_names,
    slice_id=np.array([image.slice_id for image in images]),
    patient_id=np.array([image.patient_id for image in images]),
    source=np.array([image.source for image in images]),
    label=np.array([number[image.label] for image in images], np.int32),
    box=np.array([image.box for image in images], np.int32),
    digest=np.array(digests),
    read=read,
    window=source.window,
  )
