# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""How the pixels of a DICOM file are laid out, and what their bits mean."""

import dataclasses

from input_pipeline.scans import dicom_elements
from input_pipeline.scans import dicom_file
from input_pipeline.scans import limits

# Values of RescaleType for Hounsfield units. US means unspecified, the same as
# none; converters such as GDCM write it into any CT.
_UNITS = ('', 'HU', 'US')


@dataclasses.dataclass(frozen=True)
class Values:
  """What the bits of a pixel mean.

  Attributes:
    is_inverted: whether small values are shown white (MONOCHROME1).
    is_signed: whether the values are signed.
    bits: number of bits that are used.
    slope: Hounsfield units per step of the values.
    intercept: Hounsfield units of a stored 0.
    padding: the smallest and the largest value of pixels that were not scanned,
      of all bits; None if there are none.
  """

  is_inverted: bool
  is_signed: bool
  bits: int
  slope: float
  intercept: float
  padding: tuple[int, int] | None


def read(elements: dicom_elements.Elements) -> Values:
  """Returns what the bits of a frame mean.

  Raises:
    dicom_file.DamagedError: the header contradicts itself.
  """
  allocated = elements.whole('BitsAllocated')
  bits = elements.whole('BitsStored')
  high = elements.whole('HighBit', bits - 1)
  sign = elements.whole('PixelRepresentation')
  if (
    allocated not in (8, 16, 32)
    or not 1 <= bits <= allocated
    or high != bits - 1
    or sign not in (0, 1)
  ):
    raise dicom_file.DamagedError(
      f'BitsAllocated {allocated}, BitsStored {bits}, HighBit {high} and '
      f'PixelRepresentation {sign} contradict each other'
    )
  slope, intercept = _scale(elements)
  return Values(
    is_inverted=elements.text('PhotometricInterpretation') == 'MONOCHROME1',
    is_signed=sign == 1,
    bits=bits,
    slope=slope,
    intercept=intercept,
    padding=_padding(elements, allocated, is_signed=sign == 1),
  )


def _scale(elements: dicom_elements.Elements) -> tuple[float, float]:
  unit = elements.text('RescaleType')
  if unit not in _UNITS:
    raise dicom_file.NotAScanError(
      'its values are no Hounsfield units (RescaleType '
      f'{dicom_elements.word(unit)}); expected HU'
    )
  slope = elements.number('RescaleSlope')
  intercept = elements.number('RescaleIntercept')
  if slope is None or intercept is None:
    raise dicom_file.NotAScanError(
      'it has no rescale slope and intercept, so its values are no Hounsfield '
      'units'
    )
  if slope <= 0:
    raise dicom_file.DamagedError(
      f'its rescale slope is {slope:g}, expected one above 0'
    )
  return slope, intercept


def _padding(
  elements: dicom_elements.Elements, allocated: int, *, is_signed: bool
) -> tuple[int, int] | None:
  """Returns the range of the padding as pixels would represent it.

  A value may be written as unsigned though the pixels are signed, and vice
  versa: its bits count.
  """
  value = elements.number('PixelPaddingValue')
  if value is None:
    return None
  limit = elements.number('PixelPaddingRangeLimit')
  half = 2 ** (allocated - 1) if is_signed else 0
  ends = [
    (int(x) + half) % 2**allocated - half
    for x in (value, value if limit is None else limit)
  ]
  return min(ends), max(ends)


def locate(
  pixels: dicom_file.PixelData, elements: dicom_elements.Elements
) -> dicom_file.PixelData:
  """Returns where the pixels are, with their shape and type.

  Raises:
    dicom_file.DamagedError: the header says another number of them.
  """
  rows, columns = map(elements.whole, ('Rows', 'Columns'))
  count = elements.whole('NumberOfFrames', 1)
  problem = limits.size_problem(rows, columns, count)
  if problem:
    raise dicom_file.DamagedError(problem)
  allocated = elements.whole('BitsAllocated')
  frame_bytes = rows * columns * allocated // 8
  if pixels.length is not None:
    _check_length(pixels, frame_bytes, count)
  options = {
    'rows': rows,
    'columns': columns,
    'number_of_frames': count,
    'bits_allocated': allocated,
    'bits_stored': elements.whole('BitsStored'),
    'pixel_representation': elements.whole('PixelRepresentation'),
    'photometric_interpretation': 'MONOCHROME2',
    'samples_per_pixel': 1,
    'pixel_keyword': 'PixelData',
  }
  return pixels._replace(options=pixels.options | options)


def _check_length(
  pixels: dicom_file.PixelData, frame_bytes: int, count: int
) -> None:
  present = min(pixels.length, pixels.version[0] - pixels.offset)
  needed = frame_bytes * count
  # More, but less than a frame, is padding.
  if not needed <= present < needed + frame_bytes:
    end = ': the end is missing' if present < needed else ''
    raise dicom_file.DamagedError(
      f'its pixels have {present:,} bytes and need {needed:,}{end}'
    )
