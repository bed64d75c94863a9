# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""DICOM files as scans: one scan per series, its slices in order."""

from collections.abc import Sequence
import functools
from typing import NamedTuple

import numpy as np

from input_pipeline.scans import dicom_header
from input_pipeline.scans import dicom_pixels
from input_pipeline.scans import input_file
from input_pipeline.scans import orientation as orientation_lib
from input_pipeline.scans import scan

# Slices that are at most this many mm apart have the same position.
_SAME_POSITION = 0.01
# Neighbours that are more than this many times the median distance apart have a
# gap between them.
_GAP = 1.5


class _Entry(NamedTuple):
  """A frame of a file, and its position along the body in mm if known."""

  file: input_file.InputFile
  header: dicom_header.Header
  index: int
  position: float | None


def to_scans(
  files: Sequence[input_file.InputFile], window: tuple[float, float]
) -> tuple[list[scan.Scan], list[scan.Refused]]:
  """Returns one scan per series, and the files that are in no scan.

  Args:
    files: DICOM files, in any order.
    window: center and width in Hounsfield units.
  """
  refused = []
  # Slices of two orientations in one series are two scans.
  series: dict[tuple, list[_Entry]] = {}
  digests: dict[tuple, dict[str, str]] = {}
  for file in files:
    try:
      header = dicom_header.read(file.path)
    except dicom_header.NotAScanError as error:
      refused.append(file.refuse(str(error), 'other'))
      continue
    except ValueError as error:
      refused.append(file.refuse(str(error), 'damaged'))
      continue
    key = _series_key(file, header)
    known = digests.setdefault(key, {})
    content = file.digest()
    # A copy is the same file, or the same instance under another header.
    if content in known or (header.instance and header.instance in known):
      refused.append(
        file.refuse('a copy of another file of its series', 'other')
      )
      continue
    known[content] = content
    known[header.instance or content] = content
    series.setdefault(key, []).extend(_entries(file, header))
  scans = [
    _to_scan(entries, set(digests[key].values()), window)
    for key, entries in series.items()
  ]
  return scans, refused


def _series_key(
  file: input_file.InputFile, header: dicom_header.Header
) -> tuple:
  directions = header.frames[0].orientation or ()
  return (
    header.series or f'folder {file.folder}',
    tuple(round(x, 2) + 0.0 for x in directions),
  )


def _entries(
  file: input_file.InputFile, header: dicom_header.Header
) -> list[_Entry]:
  entries = []
  for index, frame in enumerate(header.frames):
    position = None
    if frame.position is not None and frame.orientation is not None:
      position = orientation_lib.position_along_body(
        np.array(frame.orientation), np.array(frame.position)
      )
    entries.append(_Entry(file, header, index, position))
  return entries


def _to_scan(
  entries: list[_Entry], digests: set[str], window: tuple[float, float]
) -> scan.Scan:
  entries, notes = _in_order(entries)
  slices = []
  for entry in entries:
    name = entry.file.name
    if len(entry.header.frames) > 1:
      name = f'{name}, frame {entry.index + 1}'
    read = functools.partial(
      dicom_pixels.read,
      entry.file.path,
      name,
      entry.header,
      entry.index,
      window,
    )
    slices.append(scan.Slice(name, entry.position, read))
  spacing, more = _spacing([entry.position for entry in entries])
  return scan.Scan(
    # Sorted, so that the order in which files were found does not matter.
    id=scan.digest(*(x.encode() for x in sorted(digests))),
    name=entries[0].file.folder,
    source='dicom',
    slices=slices,
    window=window,
    spacing=spacing,
    notes=(*notes, *more),
  )


def _in_order(entries: list[_Entry]) -> tuple[list[_Entry], list[str]]:
  """Returns the frames from head to feet, and notes about their order."""
  by_name = sorted(entries, key=lambda x: (x.file.name, x.index))
  if all(x.position is not None for x in entries):
    # Frames at the same position stay in the order of their numbers, which most
    # scanners write.
    by_number = sorted(by_name, key=lambda x: (x.header.number or 0, x.index))
    return sorted(by_number, key=lambda x: -x.position), []
  if all(x.header.number is not None for x in entries):
    return sorted(by_name, key=lambda x: (x.header.number, x.index)), [
      'Some slices have no position, so the slices are in the order of their '
      'instance numbers.'
    ]
  return by_name, [
    'Some slices have neither a position nor an instance number, so the slices '
    'are in the order of their names.'
  ]


def _spacing(
  positions: list[float | None],
) -> tuple[float | None, list[str]]:
  """Returns the median distance of neighbours in mm, and notes about others."""
  if len(positions) < 2 or None in positions:
    return None, []
  distances = -np.diff(positions)
  apart = distances[distances > _SAME_POSITION]
  notes = []
  repeated = len(distances) - len(apart)
  if repeated:
    notes.append(
      f'Slices with the position of another one: {repeated}. '
      'The series may hold several scans of the same region.'
    )
  if not len(apart):
    return None, notes
  spacing = float(np.median(apart))
  gaps = int((apart > _GAP * spacing).sum())
  if gaps:
    notes.append(
      f'{gaps} gap{"s" * (gaps != 1)} between neighbouring slices of more than '
      f'{_GAP:g} times the usual {spacing:.3g} mm: slices may be missing.'
    )
  return spacing, notes
