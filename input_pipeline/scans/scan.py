# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A scan: slices in order that are read when needed, with a hashed id."""

from collections.abc import Callable, Sequence
import dataclasses
import hashlib
import pathlib
from typing import Literal, NamedTuple

import numpy as np

from input_pipeline.scans import grid as grid_lib

Source = Literal['dicom', 'nifti', 'images']
# 'other': an intact file with nothing to score, such as a localizer.
# 'damaged': a file that cannot be read, or not safely.
# 'foreign': a file of a kind that is never read.
Cause = Literal['other', 'damaged', 'foreign']


class UnreadableError(ValueError):
  """The pixels of a file cannot be read.

  Attributes:
    reason: the reason without the name of the file, which may contain a
      patient's name. The message has both.
  """

  def __init__(self, name: str, reason: str):
    super().__init__(f'{name}: {reason}')
    self.reason = reason


class Pixels(NamedTuple):
  """The pixels of a slice.

  Attributes:
    gray: `[H, W]` uint8.
    colour: the difference of the largest and the smallest of red, green and
      blue, averaged over the pixels; 0 for a gray image.
  """

  gray: np.ndarray
  colour: float = 0.0


class Slice(NamedTuple):
  """A slice that has not been read yet.

  Attributes:
    name: the file's name, and the frame's number if it has several. It may
      contain a patient's name: it may be printed but never written to results.
    position: position along the body in mm, upwards; None if not known.
    read: a function that returns the pixels or raises `UnreadableError`.
    file_name: name of the file that holds it, as in `Refused`.
    file_id: digest of that file's content, as in `Refused`.
    path: where that file can be read, as long as the scan; None: not known.
  """

  name: str
  position: float | None
  read: Callable[[], Pixels]
  file_name: str = ''
  file_id: str = ''
  path: pathlib.Path | None = None


@dataclasses.dataclass(frozen=True)
class Scan:
  """Slices that belong together.

  Attributes:
    id: a digest of the content of the files, which does not identify anyone.
    name: the file or folder it came from. Like the name of a slice it must
      never be written to results.
    source: the kind of the files.
    slices: from head to feet if positions are known, else by number or name.
    window: center and width in Hounsfield units of the range that became 0 to
      255; None if the files held gray values of an unknown window.
    spacing: usual distance of neighbouring slices in mm; None if not known.
    notes: sentences about the scan as a whole.
    grid: a function that returns where the voxels of its files are, or raises
      `grid.NoGridError`.
    has_sides: whether the files say how the slices lie in the body. Then all
      have the patient's right on the left, and the front up.
  """

  id: str
  name: str
  source: Source
  slices: Sequence[Slice]
  window: tuple[float, float] | None
  spacing: float | None = None
  notes: tuple[str, ...] = ()
  grid: Callable[[], grid_lib.Grid] = grid_lib.none
  has_sides: bool = False

  def __len__(self) -> int:
    return len(self.slices)

  @property
  def is_ordered(self) -> bool:
    """Whether the slices are known to be in their order along the body."""
    return all(each.position is not None for each in self.slices)

  def slice_id(self, index: int) -> str:
    """Returns the id of a slice: the scan's id and the number of the slice."""
    return f'{self.id}-{index + 1:04d}'


class Refused(NamedTuple):
  """A file, or one of several slices of a file, that is in no scan.

  Attributes:
    name: the file's name. Like the name of a slice it must never be written to
      results.
    id: a digest of the file's content; '' if it cannot be read.
    reason: why it was refused, without the name of the file.
    cause: the kind of reason.
  """

  name: str
  id: str
  reason: str
  cause: Cause


def digest(*contents: bytes) -> str:
  """Returns a digest of some contents, 12 hexadecimal digits.

  It is made of whole files with their pixels. A digest of a patient's number
  could be reversed by trying all numbers; this one cannot be reversed without
  the files.
  """
  total = hashlib.sha256()
  for content in contents:
    total.update(hashlib.sha256(content).digest())
  return total.hexdigest()[:12]
