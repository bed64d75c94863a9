# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Images that a folder or a CSV lists, as `Examples`."""

from collections.abc import Iterable, Sequence
from concurrent import futures
import pathlib
from typing import NamedTuple

import numpy as np
import tqdm

from input_pipeline import conventions as class_names_lib
from input_pipeline import examples as examples_lib
from input_pipeline import image_file

NO_BOX = (0, 0, 0, 0)


class ListedImage(NamedTuple):
  """One image of a split, and what its list says of it.

  Attributes:
    path: relative to the root of the list; also the slice's id.
    label: name of the class; '' where it is not known.
    patient_id: where nobody said which images are of one patient, the path:
      each image is taken for a patient of its own.
    source: '' where it is not known.
    box: `NO_BOX` where it is not known.
  """

  path: str
  label: str
  patient_id: str
  source: str
  box: tuple[int, int, int, int]


def order_classes(names: Iterable[str]) -> tuple[str, ...]:
  """Returns the class names in order: COVIDx CT's own, else the alphabet's."""
  names = set(names)
  if names == set(class_names_lib.COVIDX_CT):
    return class_names_lib.COVIDX_CT
  return tuple(sorted(names))


def to_examples(
  root: pathlib.Path,
  images: Sequence[ListedImage],
  *,
  class_names: tuple[str, ...],
  range_16bit: tuple[int, int],
  window: tuple[float, float] | None = None,
) -> examples_lib.Examples:
  """Returns the images as examples, after each was decoded once to check it.

  Args:
    root: the folder that the paths are relative to.
    images: in the order of the split.
    class_names: what the labels are numbered by; others become -1.
    range_16bit: values of a 16-bit image that become black and white.
    window: of `Examples`.

  Raises:
    FileNotFoundError: an image does not exist.
    ValueError: an image is unreadable or does not contain its box.
  """

  def check(image: ListedImage) -> tuple[str, bool]:
    """Returns the digest, and whether the file can be taken as it is."""
    path = root / image.path
    encoded = image_file.read(path)
    gray = image_file.to_plain_gray(encoded, path, range_16bit=range_16bit)
    if image.box != NO_BOX:
      size = image_file.decode(encoded, path).size
      image_file.check_box(image.box, size, str(path))
    # Of the file: what is made of it may differ with Pillow's version.
    return examples_lib.digest(encoded), gray == encoded

  with futures.ThreadPoolExecutor() as pool:
    checked = list(
      tqdm.tqdm(
        pool.map(check, images),
        total=len(images),
        desc='Checking images',
        unit='image',
        # No bar for what is over at once, or for a pipe.
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
    return image_file.to_plain_gray(encoded, path, range_16bit=range_16bit)

  number = {name: i for i, name in enumerate(class_names)}
  return examples_lib.Examples(
    class_names=class_names,
    slice_id=np.array([image.path for image in images]),
    patient_id=np.array([image.patient_id for image in images]),
    source=np.array([image.source for image in images]),
    label=np.array([number.get(image.label, -1) for image in images], np.int32),
    box=np.array([image.box for image in images], np.int32).reshape(-1, 4),
    digest=np.array([digest for digest, _ in checked]),
    read=read,
    window=window,
  )
