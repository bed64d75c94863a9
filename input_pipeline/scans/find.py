# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""From paths to scans. A file that is in no scan is refused with a reason."""

from collections.abc import Iterator, Sequence
import contextlib
import os
import pathlib
import tempfile
from typing import NamedTuple

from input_pipeline import conventions
from input_pipeline.scans import archive
from input_pipeline.scans import dicom_series
from input_pipeline.scans import images
from input_pipeline.scans import input_file
from input_pipeline.scans import limits
from input_pipeline.scans import nifti
from input_pipeline.scans import scan
from input_pipeline.scans import window as window_lib

Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


class Found(NamedTuple):
  """What was found in some paths.

  Attributes:
    scans: DICOM series, NIfTI volumes and folders of images.
    refused: all files that are in none of them.
  """

  scans: list[scan.Scan]
  refused: list[scan.Refused]


@contextlib.contextmanager
def find(
  paths: Paths,
  *,
  window: tuple[float, float] = conventions.LUNG_WINDOW,
  range_16bit: tuple[int, int] = conventions.FULL_RANGE_16BIT,
  images_are_scans: bool = False,
) -> Iterator[Found]:
  """Finds the scans in files and folders; used in a `with` statement.

  A slice is read when it is asked for, which must be inside the `with` block:
  archives are unpacked into a folder that is removed at its end.

  Args:
    paths: images, DICOM files, NIfTI volumes, zip archives of them, or folders.
    window: center and width in Hounsfield units of the range that becomes 0 to
      255.
    range_16bit: values of a 16-bit image that become 0 and 255.
    images_are_scans: whether each image is a scan, instead of each folder.

  Yields:
    The scans and the refused files.

  Raises:
    FileNotFoundError: a path does not exist. The message names it.
    ValueError: the window is invalid.
  """
  if isinstance(paths, str | os.PathLike):
    paths = [paths]
  window = window_lib.check(window)
  with tempfile.TemporaryDirectory(prefix='bit_covid_scans') as folder:
    finder = _Finder(pathlib.Path(folder))
    for path in map(pathlib.Path, paths):
      finder.add_path(path.expanduser())
    yield finder.found(
      window=window, range_16bit=range_16bit, images_are_scans=images_are_scans
    )


class _Finder:
  """Collects files by kind, unpacking archives on the way."""

  def __init__(self, folder: pathlib.Path):
    self._folder = folder
    self._folders = 0
    self._budget = archive.Budget()
    self._files: dict[str, list[input_file.InputFile]] = {
      'image': [],
      'dicom': [],
      'nifti': [],
    }
    self._refused: list[scan.Refused] = []
    self._seen: set[pathlib.Path] = set()

  def add_path(self, path: pathlib.Path) -> None:
    if path.is_dir():
      for file in input_file.walk(path, str(path)):
        self._add(file)
    elif path.is_file():
      self._add(input_file.InputFile(path, str(path), is_named=True))
    else:
      raise FileNotFoundError(f'{path} is neither a file nor a folder.')

  def found(
    self,
    *,
    window: tuple[float, float],
    range_16bit: tuple[int, int],
    images_are_scans: bool,
  ) -> Found:
    scans, refused = dicom_series.to_scans(self._files['dicom'], window)
    self._refused += refused
    for file in self._files['nifti']:
      try:
        scans.append(
          nifti.to_scan(file, window=window, folder=self._new_folder())
        )
      except ValueError as error:
        self._refused.append(file.refuse(str(error), 'damaged'))
    scans += images.to_scans(
      self._files['image'],
      range_16bit=range_16bit,
      images_are_scans=images_are_scans,
    )
    return Found(scans, self._refused)

  def _add(self, file: input_file.InputFile, depth: int = 0) -> None:
    # A file can be named twice, or be in a folder that is named as well.
    place = file.path.resolve()
    if place in self._seen:
      return
    self._seen.add(place)
    kind = input_file.kind(file)
    if isinstance(kind, scan.Refused):
      self._refused.append(kind)
    elif kind == 'zip':
      self._add_archive(file, depth)
    else:
      self._files[kind].append(file)

  def _add_archive(self, file: input_file.InputFile, depth: int) -> None:
    if depth >= limits.ARCHIVE_DEPTH:
      self._refused.append(
        file.refuse(
          f'an archive within {depth} archives; unpack it first', 'damaged'
        )
      )
      return
    try:
      members = archive.unpack(
        file.path, self._new_folder(), budget=self._budget
      )
    except ValueError as error:
      self._refused.append(file.refuse(str(error), 'damaged'))
      return
    if not members:
      self._refused.append(file.refuse('an empty zip archive', 'other'))
    for path, name in members:
      full_name = str(pathlib.PurePath(file.name) / name)
      self._add(input_file.InputFile(path, full_name), depth + 1)

  def _new_folder(self) -> pathlib.Path:
    self._folders += 1
    folder = self._folder / str(self._folders)
    folder.mkdir()
    return folder
