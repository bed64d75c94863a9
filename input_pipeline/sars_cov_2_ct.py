# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The SARS-CoV-2 CT-scan data set of Soares et al. (2020), 'sars_cov_2_ct'.

A folder holds 1,252 slices in `COVID` and 1,229 in `non-COVID`, as they are in
the archive, or a copy that is reduced to at most 224 pixels a side. Patients
are not named. Each slice is assigned to a split as by `bit-covid split FOLDER`,
unless a CSV beside the two folders gives other splits.
"""

from collections.abc import Mapping
from concurrent import futures
import csv
import hashlib
import pathlib
import types

from input_pipeline import data_source
from input_pipeline import examples as examples_lib
from input_pipeline import image_csv
from input_pipeline import image_file
from input_pipeline import listed_images
from input_pipeline import patient_split

NAME = 'sars_cov_2_ct'
# COVID-19 is the last class, as in COVIDx CT: reports speak of the last one.
_CLASSES = ('non-COVID', 'COVID')
# The archive has no Non-Covid (151).png.
FILES = (
  *(f'COVID/Covid ({i}).png' for i in range(1, 1253)),
  *(f'non-COVID/Non-Covid ({i}).png' for i in range(1, 1231) if i != 151),
)
# SHA-256 of what `sha256sum` prints of all files, in the order of their names.
_DIGESTS = frozenset(
  {
    # The files of the archive.
    '7d59585dad3398f1f85345e8af2ec1e89fd1512772771bcae05c019ff4d4bf08',
    # The reduced copy.
    '48edaef1335a1be45a8b575001f90d37134bff6790c78523015e153ac30fd70b',
  }
)
# The defaults of `bit-covid split`.
_SHARES = types.MappingProxyType({'train': 0.7, 'val': 0.1, 'test': 0.2})
_SEED = 0
# May lie beside the images: `file` and `sha256_of_original` of each.
_MANIFEST = 'manifest.csv'

_Splits = dict[str, list[listed_images.ListedImage]]


def is_at(path: pathlib.Path) -> bool:
  """Returns whether a folder, or that of a CSV, has files of this data set."""
  folder = path.parent if path.is_file() else path
  return (folder / FILES[0]).is_file()


def load(source: data_source.DataSource, split: str) -> examples_lib.Examples:
  """Returns a split, after all files of the data set have been checked.

  Raises:
    FileNotFoundError: the folder or the CSV does not exist.
    ValueError: a file is missing, additional or another one, the CSV is
      invalid, or there is no such split.
  """
  splits = _read(source)
  if split not in splits:
    raise ValueError(
      f'There is no split {split!r} in {source.path}; it has {sorted(splits)}.'
    )
  return listed_images.to_examples(splits[split], _CLASSES, source)


def load_all(
  source: data_source.DataSource,
) -> dict[str, examples_lib.Examples]:
  """Returns all splits by name; arguments and errors are those of `load`."""
  return {
    name: listed_images.to_examples(images, _CLASSES, source)
    for name, images in _read(source).items()
  }


def _read(source: data_source.DataSource) -> _Splits:
  path = pathlib.Path(source.path).expanduser()
  if not path.exists():
    raise FileNotFoundError(
      f'config.data.path is {str(path)!r}, which does not exist; name the '
      f'folder that holds {" and ".join(_CLASSES)}, or a CSV in it.'
    )
  check_files(path.parent if path.is_file() else path)
  return _listed(path) if path.is_file() else _divided(path)


def _listed(path: pathlib.Path) -> _Splits:
  """Returns the images of each split of a CSV.

  Raises:
    ValueError: the CSV is invalid, or lists other images.
  """
  _, splits = image_csv.read_all(path)
  known = set(FILES)
  for image in (x for images in splits.values() for x in images):
    folder = image.slice_id.partition('/')[0]
    if image.slice_id not in known or image.label != folder:
      raise ValueError(
        f'{image.place}: {image.slice_id!r} of the class {image.label!r} is no '
        'image of the SARS-CoV-2 CT data set. Make the CSV by `bit-covid split '
        f"{path.parent}`, or use config.data.name='image_folder'."
      )
  return splits


def _divided(folder: pathlib.Path) -> _Splits:
  images = [
    listed_images.ListedImage(
      file=str(folder / name),
      place=str(folder / name),
      slice_id=name,
      label=name.partition('/')[0],
      patient_id=name,
    )
    for name in FILES
  ]
  rows = [{'label': x.label, 'patient': x.patient_id} for x in images]
  chosen = patient_split.divide(rows, _SHARES, seed=_SEED)
  splits: _Splits = {name: [] for name in _SHARES}
  for image in images:
    splits[chosen[image.patient_id]].append(image)
  return splits


def check_files(folder: pathlib.Path) -> None:
  """Checks that a folder holds the data set, whole and unchanged.

  Raises:
    ValueError: a file is missing, additional or another one. The message names
      changed files if the manifest lies beside them.
    FileNotFoundError: an image was removed meanwhile.
  """
  found = {
    path.relative_to(folder).as_posix()
    for name in _CLASSES
    for path in (folder / name).rglob('*')
    if path.is_file() and not path.name.startswith('.')
  }
  problems = [
    f'{len(names):,} are {adjective}, such as {min(names)!r}'
    for names, adjective in (
      (set(FILES) - found, 'missing'),
      (found - set(FILES), 'additional'),
    )
    if names
  ]
  if problems:
    _refuse(folder, f'of its images {" and ".join(problems)}')
  with futures.ThreadPoolExecutor() as pool:
    digests = dict(
      zip(FILES, pool.map(_sha256, [folder / x for x in FILES]), strict=True)
    )
  # As `sha256sum` prints them.
  lines = ''.join(f'{digests[name]}  {name}\n' for name in sorted(digests))
  if hashlib.sha256(lines.encode()).hexdigest() not in _DIGESTS:
    changed = _changed(folder / _MANIFEST, digests)
    named = f'such as {min(changed)!r}' if changed else 'by their digest'
    _refuse(folder, f'images have been changed, {named}')


def _sha256(path: pathlib.Path) -> str:
  return hashlib.sha256(image_file.read(path)).hexdigest()


def _changed(path: pathlib.Path, digests: Mapping[str, str]) -> list[str]:
  """Returns the files that differ from a manifest, which may be missing."""
  if not path.is_file():
    return []
  with path.open(newline='', encoding='utf-8') as file:
    rows = list(csv.DictReader(file))
  expected = {x.get('file'): x.get('sha256_of_original') for x in rows}
  changed = [x for x in digests if expected.get(x) != digests[x]]
  # Of reduced images, the manifest says nothing.
  return changed if len(changed) < len(digests) else []


def _refuse(folder: pathlib.Path, problem: str) -> None:
  raise ValueError(
    f'{folder} is not the SARS-CoV-2 CT data set as it was published: '
    f'{problem}. Name the folder that holds {" and ".join(_CLASSES)}, and '
    'unpack the archive anew into an empty one (see docs/data.md). For files '
    "that you changed on purpose, use config.data.name='image_folder'."
  )
