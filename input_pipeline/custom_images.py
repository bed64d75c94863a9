# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The user's own images, the data set 'image_folder': a folder or a CSV.

A folder holds one folder per split, and each of these one folder per class:

    my_data/train/Normal/0001.png
    my_data/test/NCP/0412.jpg

A folder may also hold the class folders themselves; then all images are of the
split 'test'. For a CSV that lists the images, see `image_csv`.
"""

from collections.abc import Iterator
import itertools
import os
import pathlib
import re
from typing import NoReturn

from input_pipeline import conventions
from input_pipeline import data_source
from input_pipeline import examples as examples_lib
from input_pipeline import image_csv
from input_pipeline import image_file
from input_pipeline import listed_images
from input_pipeline import names

# The split of a folder that has no folders of splits.
_ONLY_SPLIT = 'test'
# Prefixes of files that file systems and archives leave behind.
_HIDDEN = ('.', '__')
# Images that are not read. They are an error, as nobody puts them into a class
# folder to have them ignored.
_OTHER_IMAGES = re.compile(
  r'\.(bmp|dcm|gif|gz|heic|jp2|mha|mhd|nii|nrrd|tiff?|webp)', re.IGNORECASE
)


def load(source: data_source.DataSource, split: str) -> examples_lib.Examples:
  """Returns a split of the user's images. Each is decoded once to check it.

  Raises:
    FileNotFoundError: the folder, the CSV or an image does not exist.
    ValueError: there is no such split, a line of the CSV is invalid, or an
      image is unreadable or does not contain its box. The message names the
      file, and the line of a CSV.
  """
  path = pathlib.Path(source.path).expanduser()
  if path.is_dir():
    class_names, images = _read_folder(path, split)
  elif path.is_file():
    class_names, images = image_csv.read(path, split)
  else:
    raise FileNotFoundError(
      f'config.data.path is {str(path)!r}, which is neither a folder nor a '
      'CSV file.'
    )
  return listed_images.to_examples(images, class_names, source)


def load_all(
  source: data_source.DataSource,
) -> dict[str, examples_lib.Examples]:
  """Returns all splits of the user's images by name, for an audit.

  A patient in several splits is no error here, as the audit reports it.
  Arguments and errors are otherwise those of `load`.
  """
  path = pathlib.Path(source.path).expanduser()
  if not path.is_file():
    splits = _files_by_split(path) if path.is_dir() else ['']
    return {split: load(source, split) for split in splits}
  class_names, splits = image_csv.read_all(path, check_patients=False)
  return {
    split: listed_images.to_examples(images, class_names, source)
    for split, images in splits.items()
  }


def read_classes(root: pathlib.Path) -> list[listed_images.ListedImage]:
  """Returns the images of a folder that holds the class folders themselves.

  Raises:
    ValueError: the folder holds no class folders, or those of splits.
  """
  found = _files_by_split(root)
  if [*found] != [_ONLY_SPLIT] or (root / _ONLY_SPLIT).exists():
    raise ValueError(
      f'The folders in {root} are {", ".join(found) or "none"}; expected two '
      'or more folders of classes, with their images directly in them.'
    )
  return _read_folder(root, _ONLY_SPLIT)[1]


def _is_image(path: pathlib.Path) -> bool:
  return path.suffix.lower() in image_file.SUFFIXES


def _files_by_split(root: pathlib.Path) -> dict[str, list[pathlib.Path]]:
  try:
    folders = sorted(path for path in root.iterdir() if path.is_dir())
  except OSError as error:
    _refuse_folder(error)
  files = {
    folder.name: sorted(_files(folder))
    for folder in folders
    if not folder.name.startswith(_HIDDEN)
  }
  if not _are_classes(files):
    return files
  return {_ONLY_SPLIT: [*itertools.chain.from_iterable(files.values())]}


def _are_classes(files: dict[str, list[pathlib.Path]]) -> bool:
  # Two or more folders with images directly in them, none named as a split.
  images = {name: [*filter(_is_image, paths)] for name, paths in files.items()}
  used = {name: paths for name, paths in images.items() if paths}
  return (
    len(used) > 1
    and used.keys().isdisjoint(conventions.SPLITS)
    and all(path.parent.name == name for name in used for path in used[name])
  )


def _within_split(
  path: pathlib.Path, root: pathlib.Path, split: str
) -> tuple[str, ...]:
  # The name of the class and what follows.
  folder, *rest = path.relative_to(root).parts
  return tuple(rest) if folder == split else (folder, *rest)


def _files(split: pathlib.Path) -> Iterator[pathlib.Path]:
  # The files below the folder of a split that are not hidden.
  first_names: dict[pathlib.Path, pathlib.Path] = {}
  walk = os.walk(split, onerror=_refuse_folder, followlinks=True)
  for parent, folders, file_names in walk:
    folder = pathlib.Path(parent)
    real, holder = folder.resolve(), folder.parent.resolve()
    is_loop = real == holder or real in holder.parents
    first = first_names.setdefault(real, folder)
    if not is_loop and _class_name(first, split) != _class_name(folder, split):
      raise ValueError(
        f'{folder} is the same folder as {first}, whose class is another. '
        'Remove one of the links.'
      )
    if is_loop or first != folder:
      folders.clear()  # It has been read, or is being read.
      continue
    folders[:] = sorted(x for x in folders if not x.startswith(_HIDDEN))
    for path in (folder / x for x in file_names if not x.startswith(_HIDDEN)):
      # An image is looked at later.
      is_link = not _is_image(path) and path.is_symlink()
      if is_link and not path.exists():
        raise ValueError(
          f'{path} is a link to {path.readlink()}, which does not exist. Mend '
          'or remove it.'
        )
      yield path


def _class_name(path: pathlib.Path, split: pathlib.Path) -> str:
  return (*path.relative_to(split).parts, '')[0]


def _refuse_folder(error: OSError) -> NoReturn:
  raise ValueError(
    f'{error.filename}: this folder cannot be read. Allow reading it, or move '
    'it out of the data set.'
  ) from error


def _read_folder(
  root: pathlib.Path, split: str
) -> tuple[tuple[str, ...], list[listed_images.ListedImage]]:
  # The class names of all splits, and the images of one.
  files = _files_by_split(root)
  if split not in files:
    raise ValueError(
      f'There is no split {split!r} in {root}; it has {[*files]}. '
      f'Expected {root}/{split}/<class>/<image>.'
    )
  # Classes of all splits, so that labels are the same in a split that lacks a
  # class. Where each name occurs first:
  labels, splits = {}, {}
  for folder, paths in files.items():
    for path in filter(_is_image, paths):
      names.check_utf8(path)
      label, *rest = _within_split(path, root, folder)
      if rest:
        splits.setdefault(folder, str(path))
        labels.setdefault(label, str(path))
  names.check_names('class', labels)
  names.check_names('split', splits)
  images = [
    _to_image(path, root, split)
    for path in files[split]
    if _is_image(path) or _OTHER_IMAGES.fullmatch(path.suffix)
  ]
  if not images:
    raise ValueError(
      f'There are no images ({", ".join(image_file.SUFFIXES)}) in the class '
      f'folders of {root / split}.'
    )
  return listed_images.order_classes(labels), images


def _to_image(
  path: pathlib.Path, root: pathlib.Path, split: str
) -> listed_images.ListedImage:
  if not _is_image(path):
    raise ValueError(
      f'{path}: images of this kind are not read. Convert it to PNG, or move '
      'it out of the folder.'
    )
  label, *rest = _within_split(path, root, split)
  if not rest:
    raise ValueError(
      f'{path} lies in no class folder; expected '
      f'{root}/{split}/<class>/{path.name}.'
    )
  name = str(path.relative_to(root))
  return listed_images.ListedImage(
    file=str(path), place=str(path), slice_id=name, label=label, patient_id=name
  )
