# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The user's own images: a folder per class, or a CSV (see `image_csv`).

A folder holds one folder a split, and each of these one folder a class:

    my_data/train/Normal/0001.png
    my_data/test/NCP/0412.jpg
"""

from collections.abc import Sequence
import os
import pathlib

from input_pipeline import examples as examples_lib
from input_pipeline import image_csv
from input_pipeline import image_file
from input_pipeline import listed_images


def load(
  path: str | os.PathLike[str],
  split: str,
  *,
  range_16bit: tuple[int, int] = image_file.FULL_RANGE_16BIT,
) -> examples_lib.Examples:
  """Returns a split of the user's images; each is decoded once to check it.

  Args:
    path: the folder or the CSV.
    split: its name.
    range_16bit: values of a 16-bit image that become black and white.

  Raises:
    FileNotFoundError: the folder, the CSV or an image does not exist.
    ValueError: there is no such split, a line of the CSV is not as it should
      be, an image is unreadable or does not contain its box; the message names
      the file, and the line of a CSV.
  """
  path = pathlib.Path(path).expanduser()
  if path.is_dir():
    root = path
    class_names, images = _read_folder(path, split)
  elif path.is_file():
    root = path.parent
    class_names, images = image_csv.read(path, split)
  else:
    raise FileNotFoundError(
      f'config.data.path is {str(path)!r}, which is neither a folder nor a '
      'CSV file.'
    )
  return listed_images.to_examples(
    root, images, class_names=class_names, range_16bit=range_16bit
  )


def unlabelled(
  paths: Sequence[pathlib.Path],
  *,
  class_names: tuple[str, ...],
  range_16bit: tuple[int, int] = image_file.FULL_RANGE_16BIT,
) -> examples_lib.Examples:
  """Returns image files whose class is not known, labels -1, for prediction."""
  images = [
    listed_images.ListedImage(str(path), '', '', '', listed_images.NO_BOX)
    for path in paths
  ]
  return listed_images.to_examples(
    pathlib.Path(), images, class_names=class_names, range_16bit=range_16bit
  )


def find_images(folder: pathlib.Path) -> list[pathlib.Path]:
  """Returns the image files in a folder and below, sorted.

  Hidden files are left out; others that are no images are too, as scans come
  with notes and tables beside them.
  """
  return sorted(
    path
    for path in folder.rglob('*')
    if path.suffix.lower() in image_file.SUFFIXES
    and path.is_file()
    and not any(part.startswith('.') for part in path.relative_to(folder).parts)
  )


def _folders(path: pathlib.Path) -> list[pathlib.Path]:
  return sorted(
    child
    for child in path.iterdir()
    if child.is_dir() and not child.name.startswith('.')
  )


def _read_folder(
  root: pathlib.Path, split: str
) -> tuple[tuple[str, ...], list[listed_images.ListedImage]]:
  splits = [folder.name for folder in _folders(root)]
  if split not in splits:
    raise ValueError(
      f'There is no split {split!r} in {root}; its folders are {splits}. '
      f'Expected {root}/{split}/<class>/<image>.'
    )
  # Over all splits: one without images of a class has the same labels.
  class_names = listed_images.order_classes(
    folder.name for name in splits for folder in _folders(root / name)
  )
  images = []
  for path in find_images(root / split):
    name = str(path.relative_to(root))
    label, *rest = path.relative_to(root / split).parts
    if not rest:
      raise ValueError(
        f'{path} lies in no class folder; expected '
        f'{root}/{split}/<class>/{path.name}.'
      )
    images.append(
      listed_images.ListedImage(name, label, name, '', listed_images.NO_BOX)
    )
  if not images:
    raise ValueError(
      f'There are no images ({", ".join(image_file.SUFFIXES)}) in the class '
      f'folders of {root / split}.'
    )
  return class_names, images
