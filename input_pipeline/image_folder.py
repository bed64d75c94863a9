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

from input_pipeline import conventions
from input_pipeline import examples as examples_lib
from input_pipeline import image_csv
from input_pipeline import image_file
from input_pipeline import listed_images

# What file systems and archives leave behind.
_HIDDEN = ('.', '__')
# Nobody meant these to be passed over.
_OTHER_IMAGES = frozenset(
  [
    '.bmp',
    '.dcm',
    '.gif',
    '.gz',
    '.heic',
    '.jp2',
    '.mha',
    '.mhd',
    '.nii',
    '.nrrd',
    '.tif',
    '.tiff',
    '.webp',
  ]
)


def load(
  path: str | os.PathLike[str],
  split: str,
  *,
  range_16bit: tuple[int, int] = conventions.FULL_RANGE_16BIT,
  window: tuple[float, float] | None = None,
) -> examples_lib.Examples:
  """Returns a split of the user's images; each is decoded once to check it.

  Args:
    path: the folder or the CSV.
    split: its name.
    range_16bit: values of a 16-bit image that become black and white.
    window: of `Examples`.

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
    root,
    images,
    class_names=class_names,
    range_16bit=range_16bit,
    window=window,
  )


def load_all(
  path: str | os.PathLike[str],
  *,
  range_16bit: tuple[int, int] = conventions.FULL_RANGE_16BIT,
) -> dict[str, examples_lib.Examples]:
  """Returns every split of the user's images, for an audit.

  A patient in several splits is no error here: it is what is looked for.

  Raises:
    FileNotFoundError, ValueError: as `load` does.
  """
  path = pathlib.Path(path).expanduser()
  if not path.is_file():
    names = (
      [folder.name for folder in _folders(path)] if path.is_dir() else ['']
    )
    return {x: load(path, x, range_16bit=range_16bit) for x in names}
  class_names, images = image_csv.read_all(path, check_patients=False)
  return {
    split: listed_images.to_examples(
      path.parent, listed, class_names=class_names, range_16bit=range_16bit
    )
    for split, listed in images.items()
  }


def unlabelled(
  paths: Sequence[pathlib.Path],
  *,
  class_names: tuple[str, ...],
  range_16bit: tuple[int, int] = conventions.FULL_RANGE_16BIT,
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
  with notes and tables beside them. Links are followed.
  """
  return [path for path in _files(folder) if _is_image(path)]


def _is_image(path: pathlib.Path) -> bool:
  return path.suffix.lower() in image_file.SUFFIXES


def _files(folder: pathlib.Path) -> list[pathlib.Path]:
  """Returns all files in a folder and below that are not hidden, sorted."""
  files = []
  for parent, folders, names in os.walk(folder, followlinks=True):
    folders[:] = [name for name in folders if not name.startswith(_HIDDEN)]
    files += [
      pathlib.Path(parent, name)
      for name in names
      if not name.startswith(_HIDDEN)
    ]
  return sorted(files)


def _folders(path: pathlib.Path) -> list[pathlib.Path]:
  return sorted(
    child
    for child in path.iterdir()
    if child.is_dir() and not child.name.startswith(_HIDDEN)
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
    folder.name
    for name in splits
    for folder in _folders(root / name)
    if find_images(folder)
  )
  images = []
  for path in _files(root / split):
    name = str(path.relative_to(root))
    label, *rest = path.relative_to(root / split).parts
    if path.suffix.lower() in _OTHER_IMAGES:
      raise ValueError(
        f'{path}: images of this kind are not read. Convert it to PNG, or move '
        'it out of the folder.'
      )
    if _is_image(path):
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
