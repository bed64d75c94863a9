# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The user's own images: a folder per class, or a CSV.

A folder holds one folder a split, and each of these one folder a class:

    my_data/train/Normal/0001.png
    my_data/test/NCP/0412.jpg

A CSV has a line an image, with the columns `path` (relative to the CSV),
`label` and `split`, and if they are known `patient`, `source` and the box
`xmin`, `ymin`, `xmax`, `ymax` in pixels, end exclusive.
"""

from collections.abc import Sequence
from concurrent import futures
import functools
import os
import pathlib
from typing import NamedTuple

import numpy as np
import pandas as pd
import tqdm

from input_pipeline import examples as examples_lib
from input_pipeline import image_file
from input_pipeline.covidx_ct import split_file

_BOX = ('xmin', 'ymin', 'xmax', 'ymax')
_REQUIRED = ('path', 'label', 'split')
_KNOWN = (*_REQUIRED, 'patient', 'source', *_BOX)
_NO_BOX = (0, 0, 0, 0)


class _Image(NamedTuple):
  """One image of a split: its name relative to the root, and what is known."""

  path: str
  label: str
  patient: str
  source: str
  box: tuple[int, int, int, int]


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
    root, class_names, images = _read_folder(path, split)
  elif path.is_file():
    root, class_names, images = _read_csv(path, split)
  else:
    raise FileNotFoundError(
      f'config.data.path is {str(path)!r}, which is neither a folder nor a '
      'CSV file.'
    )
  return from_files(
    root, images, class_names=class_names, range_16bit=range_16bit
  )


def from_files(
  root: pathlib.Path,
  images: Sequence[_Image],
  *,
  class_names: tuple[str, ...],
  range_16bit: tuple[int, int],
) -> examples_lib.Examples:
  """Returns the images as examples, after each was decoded once."""

  def read(image: _Image) -> bytes:
    return image_file.to_plain_gray(
      image_file.read(root / image.path),
      root / image.path,
      range_16bit=range_16bit,
    )

  def check(image: _Image) -> str:
    encoded = read(image)
    if image.box != _NO_BOX:
      name = str(root / image.path)
      size = image_file.decode(encoded, name).size
      image_file.check_box(image.box, size, name)
    return examples_lib.digest(encoded)

  with futures.ThreadPoolExecutor() as pool:
    progress = functools.partial(
      tqdm.tqdm,
      total=len(images),
      desc='Checking images',
      unit='image',
      # No bar for what is over at once.
      delay=2,
    )
    digests = list(progress(pool.map(check, images)))
  label = {name: i for i, name in enumerate(class_names)}
  return examples_lib.Examples(
    class_names=class_names,
    slice_id=np.array([image.path for image in images]),
    patient_id=np.array([image.patient for image in images]),
    source=np.array([image.source for image in images]),
    label=np.array([label.get(image.label, -1) for image in images], np.int32),
    box=np.array([image.box for image in images], np.int32),
    digest=np.array(digests),
    read=lambda i: read(images[i]),
  )


def unlabelled(
  paths: Sequence[pathlib.Path],
  *,
  class_names: tuple[str, ...],
  range_16bit: tuple[int, int] = image_file.FULL_RANGE_16BIT,
) -> examples_lib.Examples:
  """Returns image files whose class is not known, labels -1, for prediction."""
  images = [_Image(str(path), '', '', '', _NO_BOX) for path in paths]
  return from_files(
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


def _order_classes(names: set[str]) -> tuple[str, ...]:
  """Returns the class names in order: COVIDx CT's own, else the alphabet's."""
  if names == set(split_file.CLASS_NAMES):
    return split_file.CLASS_NAMES
  return tuple(sorted(names))


def _folders(path: pathlib.Path) -> list[pathlib.Path]:
  return sorted(
    child
    for child in path.iterdir()
    if child.is_dir() and not child.name.startswith('.')
  )


def _read_folder(
  root: pathlib.Path, split: str
) -> tuple[pathlib.Path, tuple[str, ...], list[_Image]]:
  splits = [folder.name for folder in _folders(root)]
  if split not in splits:
    raise ValueError(
      f'There is no split {split!r} in {root}; its folders are {splits}. '
      f'Expected {root}/{split}/<class>/<image>.'
    )
  # Over all splits: one without images of a class has the same labels.
  class_names = _order_classes(
    {folder.name for name in splits for folder in _folders(root / name)}
  )
  images = []
  for folder in _folders(root / split):
    for path in find_images(folder):
      name = str(path.relative_to(root))
      # Nobody said which images are of one patient: each is taken for its own.
      images.append(_Image(name, folder.name, name, '', _NO_BOX))
  if not images:
    raise ValueError(
      f'There are no images ({", ".join(image_file.SUFFIXES)}) in the class '
      f'folders of {root / split}.'
    )
  return root, class_names, images


def _read_csv(
  path: pathlib.Path, split: str
) -> tuple[pathlib.Path, tuple[str, ...], list[_Image]]:
  table = pd.read_csv(
    path, dtype=str, keep_default_na=False, skip_blank_lines=False
  )
  missing = [name for name in _REQUIRED if name not in table]
  unknown = [name for name in table if name not in _KNOWN]
  if missing or unknown:
    raise ValueError(
      f'{path}: columns missing: {missing}, not known: {unknown}. Expected '
      f'{", ".join(_REQUIRED)}, and if you have them '
      f'{", ".join(_KNOWN[len(_REQUIRED) :])}.'
    )
  images: dict[str, list[_Image]] = {}
  seen: dict[str, str] = {}
  split_of_patient: dict[str, str] = {}
  for number, row in enumerate(table.to_dict('records'), start=2):
    place = f'{path}:{number}'
    image = _parse_row(row, place)
    if image.path in seen:
      raise ValueError(
        f'{place}: {image.path!r} is already in {seen[image.path]}.'
      )
    seen[image.path] = place
    other = split_of_patient.setdefault(image.patient, row['split'])
    if other != row['split']:
      raise ValueError(
        f'{place}: patient {image.patient!r} is in the splits {other!r} and '
        f'{row["split"]!r}. Keep each patient in one split.'
      )
    images.setdefault(row['split'], []).append(image)
  if split not in images:
    raise ValueError(
      f'There is no split {split!r} in {path}; it has {sorted(images)}.'
    )
  class_names = _order_classes(
    {image.label for group in images.values() for image in group}
  )
  return path.parent, class_names, images[split]


def _parse_row(row: dict[str, str], place: str) -> _Image:
  for name in _REQUIRED:
    if not row[name]:
      raise ValueError(f'{place}: the column {name!r} is empty.')
  parts = pathlib.PurePath(row['path'].replace('\\', '/'))
  if parts.is_absolute() or '..' in parts.parts:
    raise ValueError(
      f'{place}: {row["path"]!r}; expected a path relative to the CSV that '
      'stays in its folder. Move the CSV beside the images.'
    )
  corners = [row.get(name, '') for name in _BOX]
  box = _NO_BOX
  if any(corners):
    if not all(corner.isdecimal() for corner in corners):
      raise ValueError(
        f'{place}: the box {corners} (xmin, ymin, xmax, ymax); expected four '
        'whole numbers, or none.'
      )
    box = tuple(map(int, corners))
    if not (box[0] < box[2] and box[1] < box[3]):
      raise ValueError(
        f'{place}: the box {box} is empty or inverted; expected xmin < xmax '
        'and ymin < ymax.'
      )
  return _Image(
    path=str(parts),
    label=row['label'],
    patient=row.get('patient') or str(parts),
    source=row.get('source', ''),
    box=box,
  )
