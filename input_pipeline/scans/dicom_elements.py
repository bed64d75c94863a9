# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Reads one element of a DICOM header; `dicom_header` says which are read.

A missing element and an empty one are the same. An element that is in the file
twice, or has more values than belong, makes the file damaged. Of an element in
several places, the one nearest to the frame counts.
"""

import math
from typing import Any, NoReturn

import pydicom.datadict
import pydicom.multival

from input_pipeline.scans import dicom_file
from input_pipeline.scans import limits

# Elements that each frame of a file may have for itself, by the sequence of the
# functional groups that holds them.
_SEQUENCES = {
  'ConvolutionKernel': 'CTReconstructionSequence',
  'FrameType': 'CTImageFrameTypeSequence',
  'GantryDetectorTilt': 'CTAcquisitionDetailsSequence',
  'ImageOrientationPatient': 'PlaneOrientationSequence',
  'ImagePositionPatient': 'PlanePositionSequence',
  'PixelSpacing': 'PixelMeasuresSequence',
  'RescaleIntercept': 'PixelValueTransformationSequence',
  'RescaleSlope': 'PixelValueTransformationSequence',
  'RescaleType': 'PixelValueTransformationSequence',
  'SliceThickness': 'PixelMeasuresSequence',
}


class Elements:
  """The elements of a frame: its own, those shared by all, the file's."""

  def __init__(self, parsed: dicom_file.Parsed, index: int = 0):
    self._parsed = parsed
    self._index = index
    own = self._get('PerFrameFunctionalGroupsSequence') or []
    shared = self._get('SharedFunctionalGroupsSequence') or []
    self._groups = (*own[index : index + 1], *shared[:1])
    # How many frames have elements of their own.
    self.num_described = len(own)

  def texts(self, keyword: str) -> list[str]:
    """Returns all values of an element as text, without blanks around them."""
    texts = (str(x).strip(' \t\r\n\0') for x in self._values(keyword))
    return [x for x in texts if x]

  def text(self, keyword: str) -> str:
    """Returns the value of an element in capitals; '' if it has none."""
    texts = {x.upper() for x in self.texts(keyword)}
    if len(texts) > 1:
      _fail(f'{keyword} has {len(texts)} values where one belongs')
    return ''.join(texts)

  def numbers(self, keyword: str, count: int) -> tuple[float, ...] | None:
    """Returns the `count` values of an element; None if it has none."""
    values = self._values(keyword)
    try:
      numbers = tuple(map(float, values))
    except (ValueError, TypeError):
      numbers = (math.nan,)
    if not all(map(math.isfinite, numbers)):
      _fail(f'{keyword} is no number')
    if any(abs(x) > limits.NUMBER for x in numbers):
      _fail(f'{keyword} is larger than {limits.NUMBER:.0e}')
    if numbers and len(numbers) != count:
      _fail(f'{keyword} has {len(numbers)} numbers where {count} belong')
    return numbers or None

  def number(self, keyword: str) -> float | None:
    """Returns the value of an element; None if it has none."""
    numbers = self.numbers(keyword, 1)
    return numbers[0] if numbers else None

  def whole(self, keyword: str, default: int | None = None) -> int:
    """Returns the value of an element that must be there, or the default."""
    number = self.number(keyword)
    if number is None and default is None:
      _fail(f'{keyword} is missing')
    return default if number is None else int(number)

  def _values(self, keyword: str) -> list[Any]:
    for group in self._groups if keyword in _SEQUENCES else ():
      for item in group.get(_SEQUENCES[keyword]) or ():
        if values := _as_list(item.get(keyword)):
          return values
    # A position outside of the groups is that of the first frame.
    if keyword == 'ImagePositionPatient' and self._index:
      return []
    return _as_list(self._get(keyword))

  def _get(self, keyword: str) -> Any:
    parsed = self._parsed
    if parsed.doubled and (
      pydicom.datadict.tag_for_keyword(keyword) in parsed.doubled
    ):
      _fail(f'its header has {keyword} twice')
    try:
      return parsed.dataset.get(keyword)
    except Exception:  # What pydicom says may quote the value.
      _fail(f'{keyword} cannot be read')


def word(text: str) -> str:
  """Returns a code from a header, shortened and without odd characters."""
  return ''.join(x for x in text if x.isalnum() or x in '_-')[:16] or 'unclear'


def _fail(what: str) -> NoReturn:
  raise dicom_file.DamagedError(what)


def _as_list(value: Any) -> list[Any]:
  if isinstance(value, pydicom.multival.MultiValue | list | tuple):
    return [x for x in value if x is not None and x != '']
  return [] if value is None or value in ('', b'') else [value]
