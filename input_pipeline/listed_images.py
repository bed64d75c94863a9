# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""From a list of the user's images to `Examples`."""

from collections.abc import Callable, Iterable, Sequence
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
    path: relative to the folder, or to the folder of the CSV. It is also the id
      of the slice.
    label: name of the class.
    patient_id: the patient. If it is not known it is the path, so each image
      counts as a patient of its own.
    source: the collection that the image comes from; '' if it is not known.
    box: xmin, ymin, xmax, ymax in pixels, end exclusive; `NO_BOX` if it is not
      known.
  """

  path: str
  label: str
  patient_id: str
  source: str
  box: tuple[int, int, int, int]


def order_classes(names: Iterable[str]) -> tuple[str, ...]:
  """Returns the class names sorted, or in COVIDx CT's order if they are its."""
  names = set(names)
  if names == set(conventions.COVIDX_CT):
    return conventions.COVIDX_CT
  return tuple(sorted(names))


def to_examples(
  root: pathlib.Path,
  images: Sequence[ListedImage],
  *,
  class_names: tuple[str, ...],
  source: data_source.DataSource,
) -> examples_lib.Examples:
  """Returns the images as examples. Each is decoded once to check it.

  Args:
    root: the folder that the paths are relative to.
    images: the images, in the order of the split.
    class_names: all classes, in the order of their labels.
    source: its `range_16bit` and `window` are used.

  Raises:
    FileNotFoundError: an image does not exist.
    ValueError: an image is unreadable or does not contain its box.
  """
  to_gray = functools.partial(
    image_file.to_plain_gray, range_16bit=source.range_16bit
  )

  def check(image: ListedImage) -> tuple[str, bool]:
    return _check(image, root / image.path, to_gray)

  with futures.ThreadPoolExecutor() as pool:
    checked = list(
      tqdm.tqdm(
        pool.map(check, images),
        total=len(images),
        desc='Checking images',
        unit='image',
        # No bar if the check takes less than two seconds or writes to a pipe.
        delay=2,
        disable=None,
      )
    )

  def read(i: int) -> bytes:
    path = root / images[i].path
    encoded = image_file.read(path)
    _, is_plain = checked[i]
    if is_plain:
      return encoded
    return to_gray(encoded, path)

  number = {name: i for i, name in enumerate(class_names)}
  return examples_lib.Examples(
    class_names=class_names,
    slice_id=np.array([image.path for image in images]),
    patient_id=np.array([image.patient_id for image in images]),
    source=np.array([image.source for image in images]),
    label=np.array([number[image.label] for image in images], np.int32),
    box=np.array([image.box for image in images], np.int32).reshape(-1, 4),
    digest=np.array([digest for digest, _ in checked]),
    read=read,
    window=source.window,
  )


def _check(
  image: ListedImage,
  path: pathlib.Path,
  to_gray: Callable[[bytes, pathlib.Path], bytes],
) -> tuple[str, bool]:
  """Returns the digest of an image's file, and whether it is plain gray.

  The digest is that of the file, as the conversion to gray may differ between
  versions of Pillow. Errors are those of `to_examples`.
  """
  encoded = image_file.read(path)
  gray = to_gray(encoded, path)
  if image.box != NO_BOX:
    size = image_file.decode(encoded, path).size
    image_file.check_box(image.box, size, str(path))
  return examples_lib.digest(encoded), gray == encoded
