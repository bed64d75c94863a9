# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Finds the copies among the DICOM slices of a scan.

A slice is a copy of another one if its pixels and its place are equal, whatever
its ids say and however it is compressed.
"""

from collections.abc import Callable, Hashable, Iterator
import hashlib
import itertools
from typing import NamedTuple

import numpy as np

from input_pipeline.scans import dicom_header
from input_pipeline.scans import dicom_pixels
from input_pipeline.scans import input_file
from input_pipeline.scans import scan

# Slices that are at most this many mm apart have the same position.
SAME_POSITION = 0.01


class DicomSlice(NamedTuple):
  """A slice of a file.

  Attributes:
    file: the file.
    digest: of the file's content.
    header: the header of the slice.
    num_frames: number of slices of the file.
    position: position along the body in mm, upwards; None if not known.
    is_turned: whether the orientation is that of other slices.
  """

  file: input_file.InputFile
  digest: str
  header: dicom_header.Header
  num_frames: int
  position: float | None = None
  is_turned: bool = False

  @property
  def name(self) -> str:
    """The name of the file, with the number of the frame if it has several."""
    if self.header.pixels.options['number_of_frames'] == 1:
      return self.file.name
    return f'{self.file.name}, frame {self.header.index + 1}'


def separate(
  slices: list[DicomSlice],
) -> tuple[list[DicomSlice], list[DicomSlice]]:
  """Returns the slices of a scan without copies, and the copies.

  Which of two different files holds the copy does not depend on their order.
  """
  different, copies = _split(slices, lambda x: (x.digest, x.header.index))
  kept = []
  for neighbours in _at_one_place(different):
    if len(neighbours) > 1:
      neighbours.sort(key=lambda x: (x.digest, x.header.index))
      neighbours, more = _split(neighbours, _content)
      copies += more
    kept += neighbours
  return kept, copies


def refused(
  kept: list[DicomSlice], copies: list[DicomSlice]
) -> Iterator[scan.Refused]:
  """Yields the files that only hold copies, and frames of others."""
  used = {x.file for x in kept}
  for file in dict.fromkeys(x.file for x in copies):
    if file not in used:
      yield file.refuse('a copy of another file of its series', 'other')
  for each in copies:
    if each.file in used:
      named = each.file._replace(name=each.name)
      yield named.refuse('a copy of another slice of its series', 'other')


def _split(
  slices: list[DicomSlice], key: Callable[[DicomSlice], Hashable]
) -> tuple[list[DicomSlice], list[DicomSlice]]:
  """Returns the first slice with each key, and the others."""
  firsts, others = {}, []
  for each in slices:
    if firsts.setdefault(key(each), each) is not each:
      others.append(each)
  return list(firsts.values()), others


def _at_one_place(slices: list[DicomSlice]) -> Iterator[list[DicomSlice]]:
  """Yields the slices that have one position or, if it is unknown, number."""
  unplaced = [x for x in slices if x.position is None]
  by_number = sorted(unplaced, key=_number)
  for _, members in itertools.groupby(by_number, key=_number):
    yield list(members)
  placed = [x for x in slices if x.position is not None]
  placed.sort(key=lambda x: x.position)
  steps = np.diff([x.position for x in placed])
  ends = [0, *(np.flatnonzero(steps > SAME_POSITION) + 1), len(placed)]
  for start, end in itertools.pairwise(ends):
    yield placed[start:end]


def _number(each: DicomSlice) -> str:
  number = each.header.number
  place = each.digest if number is None else number
  return f'{place}, frame {each.header.index}'


def _content(each: DicomSlice) -> tuple:
  """Returns the place of a slice and a digest of its pixels."""
  origin = each.header.origin
  # Rounded to 0.1 mm. A copy at the edge of a bin is kept, with a note.
  place = origin and tuple(np.rint(np.array(origin) / 0.1).astype(int))
  try:
    values = dicom_pixels.hounsfield(each.header)
  except scan.UnreadableError:
    return place, each.digest, each.header.index
  return place, hashlib.sha256(values.tobytes()).hexdigest()
