# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""DICOM files as scans, each with its slices in order.

A scan is what has one patient, study, series and orientation.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
import dataclasses
import functools
from typing import NamedTuple, TypeVar

import numpy as np

from input_pipeline.scans import budget as budget_lib
from input_pipeline.scans import dicom_copies
from input_pipeline.scans import dicom_grid
from input_pipeline.scans import dicom_header
from input_pipeline.scans import dicom_notes
from input_pipeline.scans import dicom_pixels
from input_pipeline.scans import input_file
from input_pipeline.scans import orientation as orientation_lib
from input_pipeline.scans import scan
from input_pipeline.scans.dicom_copies import DicomSlice

_T = TypeVar('_T')


class Identity(NamedTuple):
  """What tells to which series something belongs.

  Attributes:
    series: id of the series, or what stands for it; never ''.
    patient: number and name of the patient, and id of the study; '' where not
      known.
  """

  series: str
  patient: tuple[str, str, str]


def to_scans(
  files: Sequence[input_file.InputFile],
  *,
  window: tuple[float, float],
  budget: budget_lib.Budget,
) -> tuple[list[scan.Scan], list[scan.Refused]]:
  """Returns the scans in files, and the files and frames that are in none.

  Args:
    files: DICOM files, in any order.
    window: center and width in Hounsfield units.
    budget: that of the call, which is used up.
  """
  slices, scans, refused = [], [], []
  all_kept, all_copies = [], []
  for file in files:
    headers, more = dicom_header.read(file, budget)
    refused += more
    digest = file.digest() if headers else ''
    slices += [DicomSlice(file, digest, x, len(headers)) for x in headers]
  for patients in by_patient(slices, lambda x: identity(x.file, x.header)):
    for of_patient in patients:
      orientations = _by_orientation(of_patient)
      for members in orientations:
        kept, copies = dicom_copies.separate(members)
        all_kept += kept
        all_copies += copies
        notes = dicom_notes.of_series(
          len(patients), len(orientations), len(copies)
        )
        scans.append(_to_scan(kept, window, notes))
  # Together, as the frames of a file can be in several scans.
  refused += dicom_copies.refused(all_kept, all_copies)
  return scans, refused


def identity(
  file: input_file.InputFile, header: dicom_header.Header
) -> Identity:
  """Returns the series of a slice; its folder stands for an unknown one."""
  return Identity(header.series or f'folder {file.folder}', header.patient)


def by_patient(
  items: Iterable[_T], identify: Callable[[_T], Identity]
) -> list[list[list[_T]]]:
  """Returns items by series, and those of a series by patient and study.

  Where an item lacks one of the latter, that of the others of its series counts
  if they agree.
  """
  groups = _grouped(items, lambda x: identify(x).series)
  return [_of_patients(members, identify) for members in groups]


def _of_patients(
  items: list[_T], identify: Callable[[_T], Identity]
) -> list[list[_T]]:
  common = []
  for values in zip(*(identify(x).patient for x in items), strict=True):
    known = set(values) - {''}
    common.append(known.pop() if len(known) == 1 else '')

  def key(item: _T) -> tuple[str, ...]:
    pairs = zip(identify(item).patient, common, strict=True)
    return tuple(own or other for own, other in pairs)

  return _grouped(items, key)


def _grouped(
  items: Iterable[_T], key: Callable[[_T], Hashable]
) -> list[list[_T]]:
  groups: dict[Hashable, list[_T]] = {}
  for each in items:
    groups.setdefault(key(each), []).append(each)
  return list(groups.values())


def _by_orientation(slices: list[DicomSlice]) -> list[list[DicomSlice]]:
  """Returns the slices of a patient by orientation, with their positions.

  Where a file lacks it, that of the others counts if they agree.
  """
  known = [x for x in slices if x.header.orientation is not None]
  unknown = [x for x in slices if x.header.orientation is None]
  if not known:
    return [unknown]
  orientations = np.array([x.header.orientation for x in known])
  numbers = orientation_lib.groups(orientations)
  groups = []
  for number in dict.fromkeys(numbers):
    members = [x for x, y in zip(known, numbers, strict=True) if y == number]
    # Along the normals of single slices, positions would jitter with them.
    common = np.median(orientations[numbers == number], axis=0)
    if not numbers.any():
      members, unknown = members + unknown, []
    groups.append([_placed(x, common) for x in members])
  return groups + [unknown] * bool(unknown)


def _placed(each: DicomSlice, orientation: np.ndarray) -> DicomSlice:
  """Returns a slice with its position, and an orientation if it has none."""
  header, position = each.header, None
  is_turned = header.orientation is None
  if is_turned:
    header = dataclasses.replace(header, orientation=tuple(orientation))
  if header.origin is not None:
    position = orientation_lib.position_along_body(
      orientation, np.array(header.origin)
    )
  return each._replace(header=header, position=position, is_turned=is_turned)


def _to_scan(
  slices: list[DicomSlice], window: tuple[float, float], notes: list[str]
) -> scan.Scan:
  slices, order = _in_order(slices)
  spacing, gaps = dicom_notes.of_spacing([x.position for x in slices])
  return scan.Scan(
    # Sorted, so that the order in which files were found does not matter.
    id=scan.digest(*sorted(_contents(slices))),
    name=slices[0].file.folder,
    source='dicom',
    slices=[
      scan.Slice(
        x.name,
        x.position,
        functools.partial(dicom_pixels.read, x.header, x.name, window),
        x.file.name,
        scan.digest(x.digest.encode()),
        x.file.path,
      )
      for x in slices
    ],
    window=window,
    spacing=spacing,
    notes=(*notes, *order, *gaps, *dicom_notes.of_slices(slices, spacing)),
    grid=functools.partial(dicom_grid.fit, [x.header for x in slices]),
    has_sides=not any(
      x.is_turned or x.header.orientation is None for x in slices
    ),
  )


def _contents(slices: list[DicomSlice]) -> Iterable[bytes]:
  """Yields what the id of a scan is made of: the digests of its files.

  If other frames of a file are not in the scan, its frames count as well.
  """
  for members in _grouped(slices, lambda x: x.digest):
    is_whole = len(members) == members[0].num_frames
    frames = '' if is_whole else str(sorted(x.header.index for x in members))
    yield f'{members[0].digest}{frames}'.encode()


def _in_order(
  slices: list[DicomSlice],
) -> tuple[list[DicomSlice], list[str]]:
  """Returns the slices from head to feet, and notes about their order."""
  by_name = sorted(
    slices, key=lambda x: (input_file.natural_key(x.file.name), x.header.index)
  )
  # Slices at the same position stay in the order of their numbers, which most
  # scanners write.
  by_number = sorted(
    by_name, key=lambda x: (x.header.number or 0, x.header.index)
  )
  if all(x.position is not None for x in slices):
    return sorted(by_number, key=lambda x: -x.position), []
  has_number = all(x.header.number is not None for x in slices)
  ordered = by_number if has_number else by_name
  return ordered, dicom_notes.of_order(ordered, has_number=has_number)
