# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A scan: slices in order, read when they are needed, under a hashed id."""

from collections.abc import Callable, Sequence
import dataclasses
import hashlib
from typing import Literal, NamedTuple

import numpy as np

Source = Literal['dicom', 'nifti', 'images']
# 'other': whole, but nothing to score, such as a localizer; 'damaged': cannot
# be read or is not safe to; 'foreign': no kind of file that is read here.
Cause = Literal['other', 'damaged', 'foreign']


class UnreadableError(ValueError):
  """A file whose pixels cannot be read.

  Attributes:
    reason: without the name of the file, which may be a patient's; the message
      has both.
  """

  def __init__(self, name: str, reason: str):
    super().__init__(f'{name}: {reason}')
    self.reason = reason


class Pixels(NamedTuple):
  """A slice as it was read.

  Attributes:
    gray: `[H, W]` uint8.
    colour: how far red, green and blue lie apart, the mean over the pixels in
      gray values; 0 of what is gray.
  """

  gray: np.ndarray
  colour: float = 0.0


class Slice(NamedTuple):
  """A slice, not read yet.

  Attributes:
    name: of its file, and the number of the frame where it has several. It may
      hold a patient's name: for the terminal, never for a result.
    position: in mm, upwards along the body; None: not known.
    read: returns the pixels; raises `UnreadableError`.
  """

  name: str
  position: float | None
  read: Callable[[], Pixels]


@dataclasses.dataclass(frozen=True)
class Scan:
  """Slices that belong together.

  Attributes:
    id: a digest of the files' content; it says nothing of who that is.
    name: where it came from. As a slice's: never for a result.
    source: the kind of its files.
    slices: from the head downwards if positions are known, else by number or
      name.
    window: center and width in Hounsfield units that became 0 to 255; None:
      the files were gray already, and nobody says what their values mean.
    spacing: mm between neighbouring slices, the median; None: not known.
    notes: what to know of the scan as a whole, in sentences.
  """

  id: str
  name: str
  source: Source
  slices: Sequence[Slice]
  window: tuple[float, float] | None
  spacing: float | None = None
  notes: tuple[str, ...] = ()

  def __len__(self) -> int:
    return len(self.slices)

  @property
  def is_ordered(self) -> bool:
    """Whether the order of the slices is known to be that along the body."""
    return all(each.position is not None for each in self.slices)

  def slice_id(self, index: int) -> str:
    """Returns the id of a slice, the scan's and its number from 1."""
    return f'{self.id}-{index + 1:04d}'


class Refused(NamedTuple):
  """An input that is in no scan.

  Attributes:
    name: of the file. As a slice's: never for a result.
    id: a digest of the file's content.
    reason: why, in words that name no file.
    cause: what kind of reason.
  """

  name: str
  id: str
  reason: str
  cause: Cause


def digest(*contents: bytes) -> str:
  """Returns 12 hexadecimal digits that stand for the contents.

  Of whole files, with their pixels: who does not have them cannot find out by
  trying which ones were meant, as it could be done with a patient's number.
  """
  total = hashlib.sha256()
  for content in contents:
    total.update(hashlib.sha256(content).digest())
  return total.hexdigest()[:12]
