# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""From paths to scans. A file that is in no scan is refused with a reason."""

import collections
from collections.abc import Iterator, Sequence
import contextlib
import dataclasses
import os
import pathlib
import shutil
from typing import NamedTuple

from input_pipeline import conventions
from input_pipeline.scans import archive
from input_pipeline.scans import budget as budget_lib
from input_pipeline.scans import dicom_series
from input_pipeline.scans import file_kind
from input_pipeline.scans import images
from input_pipeline.scans import input_file
from input_pipeline.scans import limits
from input_pipeline.scans import nifti
from input_pipeline.scans import private_folder
from input_pipeline.scans import scan
from input_pipeline.scans import window as window_lib

Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


class Found(NamedTuple):
  """What was found in some paths.

  Attributes:
    scans: DICOM series, NIfTI volumes and folders of images.
    refused: all files that are in none of them, and slices that are left out
      of files with several.
    num_files: number of files that were given; an archive that was unpacked
      counts as the files in it.
    num_used: number of files that are in scans; the others are in `refused`.
  """

  scans: list[scan.Scan]
  refused: list[scan.Refused]
  num_files: int = 0
  num_used: int = 0


@contextlib.contextmanager
def find(
  paths: Paths,
  *,
  window: tuple[float, float] = window_lib.DEFAULT,
  range_16bit: tuple[int, int] = conventions.FULL_RANGE_16BIT,
  images_are_scans: bool = False,
  are_named: bool = True,
) -> Iterator[Found]:
  """Finds the scans in files and folders; used in a `with` statement.

  A slice is read when it is asked for, which must be inside the `with` block:
  archives are unpacked into a folder that is removed at its end.

  Args:
    paths: images, DICOM files, NIfTI volumes, zip archives of them, or folders.
      Their kind is told by their content.
    window: center and width in Hounsfield units of the range that becomes 0 to
      255.
    range_16bit: values of a 16-bit image that become 0 and 255.
    images_are_scans: whether each image is a scan, instead of each folder.
    are_named: whether the user named these files, and not a folder that they
      are in. Otherwise a file that cannot be read is no error, but refused.

  Yields:
    The scans and the refused files.

  Raises:
    FileNotFoundError: a path does not exist. The message names it.
    ValueError: the window is invalid.
  """
  window = window_lib.check(window)
  with private_folder.PrivateFolder() as folder:
    finder = _Finder(folder.path)
    for path in _in_order(paths):
      finder.add_path(path, are_named)
    yield finder.found(
      window=window, range_16bit=range_16bit, images_are_scans=images_are_scans
    )


def _in_order(paths: Paths) -> list[pathlib.Path]:
  if isinstance(paths, str | os.PathLike):
    paths = [paths]
  paths = [os.path.expanduser(path) for path in paths]
  if paths == sorted(paths):
    # A shell expands '*.png' to 1, 10, 11, 2.
    paths.sort(key=input_file.natural_key)
  return list(map(pathlib.Path, paths))


class _Finder:
  """Collects files by kind, unpacking archives on the way."""

  def __init__(self, folder: pathlib.Path):
    self._folder = folder
    self._folders = 0
    self._budget = budget_lib.Budget()
    self._files: dict[str, list[input_file.InputFile]] = {
      'image': [],
      'dicom': [],
      'nifti': [],
    }
    self._refused: list[scan.Refused] = []
    self._seen: set[str] = set()

  def add_path(self, path: pathlib.Path, is_named: bool) -> None:
    if path.is_dir():
      for file in input_file.walk(path):
        self._add(file, self._budget)
    elif path.is_file() or not is_named:
      self._add(input_file.on_disk(path, is_named=is_named), self._budget)
    else:
      name = input_file.printable(str(path))
      raise FileNotFoundError(f'{name} is neither a file nor a folder.')

  def found(
    self,
    *,
    window: tuple[float, float],
    range_16bit: tuple[int, int],
    images_are_scans: bool,
  ) -> Found:
    files = {x.name for group in self._files.values() for x in group}
    num_refused = len(self._refused)
    num_files = num_refused + sum(map(len, self._files.values()))
    scans, refused = dicom_series.to_scans(
      self._files['dicom'], window=window, budget=self._budget
    )
    for file in self._files['nifti']:
      try:
        volume = nifti.to_scan(file, window=window)
        self._budget.take_slices(len(volume))
        scans.append(volume)
      except ValueError as error:
        refused.append(file.refuse(str(error), 'damaged'))
    scans += images.to_scans(
      self._files['image'],
      range_16bit=range_16bit,
      images_are_scans=images_are_scans,
    )
    # Single frames of a file can be refused too, and are named otherwise.
    num_refused += sum(x.name in files for x in refused)
    return Found(
      scans, self._refused + refused, num_files, num_files - num_refused
    )

  def _add(
    self, file: input_file.InputFile, budget: budget_lib.Budget, depth: int = 0
  ) -> None:
    place = os.path.realpath(file.path)
    if place in self._seen:
      self._refused.append(
        file.refuse('the same file was given before, and is used once', 'other')
      )
      return
    self._seen.add(place)
    kind = file_kind.kind(file)
    if isinstance(kind, scan.Refused):
      self._refused.append(kind)
    elif kind in ('zip', 'gzip', 'deflated'):
      self._add_archive(file, kind, budget=budget, depth=depth)
    else:
      self._files[kind].append(file)

  def _add_archive(
    self,
    file: input_file.InputFile,
    kind: str,
    *,
    budget: budget_lib.Budget,
    depth: int,
  ) -> None:
    # A file in the innermost archive may be compressed once more.
    if depth >= limits.ARCHIVE_DEPTH + (kind != 'zip'):
      self._refused.append(
        file.refuse(
          f'an archive within {depth} archives; unpack it first', 'damaged'
        )
      )
      return
    self._folders += 1
    folder = self._folder / str(self._folders)
    budget = budget_lib.Budget(budget, file.path.stat().st_size)
    try:
      members = _unpack(file, kind, folder=folder, budget=budget)
    except archive.UnpackError as error:
      # What it has used is there again for other files.
      shutil.rmtree(folder, ignore_errors=True)
      budget.give_back()
      self._refused.append(file.refuse(str(error), 'damaged'))
      return
    if not members:
      self._refused.append(file.refuse('an empty zip archive', 'other'))
    for member in members:
      self._add(member, budget, depth + 1)


def _unpack(
  file: input_file.InputFile,
  kind: str,
  *,
  folder: pathlib.Path,
  budget: budget_lib.Budget,
) -> list[input_file.InputFile]:
  if kind != 'zip':
    path = archive.unpack_one(file.path, folder, kind=kind, budget=budget)
    return [file._replace(path=path)]
  return [
    input_file.InputFile(path, str(pathlib.PurePath(file.name) / name))
    for path, name in archive.unpack(file.path, folder, budget=budget)
  ]


def without_copies(found: Found) -> Found:
  """Returns each scan once; the files of its copies are refused."""
  count = collections.Counter(x.id for x in found.scans)
  firsts = {x.id: x for x in reversed(found.scans)}
  kept = [x for x in found.scans if firsts[x.id] is x]
  copies = [x for x in found.scans if firsts[x.id] is not x]
  # Frames of a file can be in several scans.
  used = {x.file_name for each in kept for x in each.slices}
  files = {x.file_name: x.file_id for each in copies for x in each.slices}
  reason = 'a copy of a scan that was given before'
  refused = [
    scan.Refused(name, identity, reason, 'other')
    for name, identity in files.items()
    if name not in used
  ]
  scans = [_with_count(x, count[x.id]) for x in kept]
  return found._replace(
    scans=scans,
    refused=[*found.refused, *refused],
    num_used=found.num_used - len(refused),
  )


def _with_count(each: scan.Scan, count: int) -> scan.Scan:
  if count == 1:
    return each
  note = f'It was given {count} times, and is counted once.'
  return dataclasses.replace(each, notes=(*each.notes, note))
