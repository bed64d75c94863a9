# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The user's own images, the data set 'image_folder': a folder or a CSV.

A folder holds one folder per split, and each of these one folder per class:

    my_data/train/Normal/0001.png
    my_data/test/NCP/0412.jpg

For a CSV that lists the images, see `image_csv`.
"""

import os
import pathlib

from input_pipeline import data_source
from input_pipeline import examples as examples_lib
from input_pipeline import image_csv
from input_pipeline import image_file
from input_pipeline import listed_images

# Prefixes of files that file systems and archives leave behind.
_HIDDEN = ('.', '__')
# Images that are not read. They are an error, as nobody puts them into a class
# folder to have them ignored.
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


def load(source: data_source.DataSource, split: str) -> examples_lib.Examples:
  """Returns a split of the user's images. Each is decoded once to check it.

  Args:
    source: its `path` is the folder or the CSV; `range_16bit` and `window` are
      used too.
    split: name of the split.

  Raises:
    FileNotFoundError: the folder, the CSV or an image does not exist.
    ValueError: there is no such split, a line of the CSV is invalid, or an
      image is unreadable or does not contain its box. The message names the
      file, and the line of a CSV.
  """
  path = pathlib.Path(source.path).expanduser()
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
    root, images, class_names=class_names, source=source
  )


def load_all(
  source: data_source.DataSource,
) -> dict[str, examples_lib.Examples]:
  """Returns all splits of the user's images by name, for an audit.

  A patient in several splits is no error here, as the audit reports it.
  Arguments and errors are otherwise those of `load`.
  """
  path = pathlib.Path(source.path).expanduser()
  if not path.is_file():
    names = (
      [folder.name for folder in _folders(path)] if path.is_dir() else ['']
    )
    return {name: load(source, name) for name in names}
  class_names, images = image_csv.read_all(path, check_patients=False)
  return {
    split: listed_images.to_examples(
      path.parent, listed, class_names=class_names, source=source
    )
    for split, listed in images.items()
  }


def _is_image(path: pathlib.Path) -> bool:
  return path.suffix.lower() in image_file.SUFFIXES


def _files(folder: pathlib.Path) -> list[pathlib.Path]:
  """Returns all files in and below a folder that are not hidden, sorted."""
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
  """Returns the class names of all splits, and the images of one."""
  splits = [folder.name for folder in _folders(root)]
  if split not in splits:
    raise ValueError(
      f'There is no split {split!r} in {root}; its folders are {splits}. '
      f'Expected {root}/{split}/<class>/<image>.'
    )
  # Classes of all splits, so that labels are the same in a split that lacks a
  # class.
  class_names = listed_images.order_classes(
    folder.name
    for name in splits
    for folder in _folders(root / name)
    if any(map(_is_image, _files(folder)))
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
