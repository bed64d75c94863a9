# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Reads the header of a DICOM file, without its pixels."""

import dataclasses
import pathlib
from typing import Any

import numpy as np
import pydicom

from input_pipeline.scans import dicom_file
from input_pipeline.scans import limits
from input_pipeline.scans import orientation as orientation_lib

# Values of BodyPartExamined that mean a part of the body without lungs.
_ELSEWHERE = frozenset(
  """
  ANKLE ARM BLADDER BRAIN BREAST CALF COLON CSPINE EAR ELBOW EXTREMITY FEMUR
  FOOT FOREARM HAND HEAD HIP JAW KNEE LEG LSPINE MANDIBLE MAXILLA NECK ORBIT
  PELVIS PROSTATE SINUS SKULL TEMPORALBONE THIGH TIBIA UTERUS WRIST
  """.split()  # noqa: SIM905, a table of one word a line is no easier to read
)


class NotAScanError(ValueError):
  """The DICOM file is intact but holds no axial chest CT slice."""


@dataclasses.dataclass(frozen=True)
class Frame:
  """The header of one slice of a file.

  Attributes:
    slope: Hounsfield units per step of the stored values.
    intercept: Hounsfield units of a stored 0.
    position: x, y and z of the first pixel in mm; None if not known.
    orientation: the direction cosines of rows and columns, six numbers; None if
      not known.
  """

  slope: float
  intercept: float
  position: tuple[float, ...] | None
  orientation: tuple[float, ...] | None


@dataclasses.dataclass(frozen=True)
class Header:
  """The header of a DICOM file.

  Attributes:
    series: id of the series; '' if the file has none.
    instance: id of the file; '' if it has none.
    number: number of the file in its series; None if not known.
    is_inverted: whether small values are shown white (MONOCHROME1).
    is_signed: whether stored values are signed.
    bits: number of bits of a stored value that are used.
    frames: the slices of the file.
  """

  series: str
  instance: str
  number: int | None
  is_inverted: bool
  is_signed: bool
  bits: int
  frames: tuple[Frame, ...]


def read(path: pathlib.Path) -> Header:
  """Returns the header of a file.

  Raises:
    NotAScanError: the file holds no axial chest CT slice.
    dicom_file.DamagedError: the file is damaged. No message names it.
  """
  try:
    with dicom_file.quiet():
      return _parse(dicom_file.read(path, with_pixels=False), path)
  except (NotAScanError, dicom_file.DamagedError):
    raise
  # A malicious file, or one from a bad disk, can make pydicom raise anything:
  # AttributeError, struct.error, ... The message may quote the file, and so a
  # patient's name.
  except Exception as error:
    raise dicom_file.DamagedError(
      f'a damaged DICOM file ({type(error).__name__})'
    ) from error


def _parse(dataset: pydicom.Dataset, path: pathlib.Path) -> Header:
  if 'DirectoryRecordSequence' in dataset:
    raise NotAScanError('an index of DICOM files (DICOMDIR), no image')
  if 'SOPClassUID' not in dataset and 'Modality' not in dataset:
    raise dicom_file.DamagedError(
      'a damaged DICOM file: no SOP class and no modality'
    )
  _check_kind(dataset)
  count = int(dataset.get('NumberOfFrames') or 1)
  problem = limits.size_problem(dataset.Rows, dataset.Columns, count)
  if problem:
    raise dicom_file.DamagedError(problem)
  _check_length(dataset, count, path)
  frames = tuple(_frame(dataset, i) for i in range(count))
  for frame in frames:
    tilted = frame.orientation and orientation_lib.problem(
      np.array(frame.orientation)
    )
    if tilted:
      raise NotAScanError(tilted)
  number = dataset.get('InstanceNumber')
  return Header(
    series=str(dataset.get('SeriesInstanceUID') or ''),
    instance=str(dataset.get('SOPInstanceUID') or ''),
    number=None if number is None else int(number),
    is_inverted=dataset.PhotometricInterpretation == 'MONOCHROME1',
    is_signed=dataset.PixelRepresentation == 1,
    bits=int(dataset.BitsStored),
    frames=frames,
  )


def _check_kind(dataset: pydicom.Dataset) -> None:
  """Raises NotAScanError unless the header is that of a chest CT slice."""
  modality = str(dataset.get('Modality') or '')
  if modality != 'CT':
    raise NotAScanError(
      f'the modality is {_word(modality)}; expected CT'
      if modality
      else 'the file has no modality; expected CT'
    )
  image_type = [str(x).upper() for x in dataset.get('ImageType') or ()]
  if 'LOCALIZER' in image_type:
    raise NotAScanError('a localizer, not an axial slice')
  part = str(dataset.get('BodyPartExamined') or '').upper().replace(' ', '')
  if part in _ELSEWHERE:
    raise NotAScanError(f'the body part is {_word(part)}; expected the chest')
  if 'Rows' not in dataset:
    raise NotAScanError('it holds no image')
  if dataset.get('SamplesPerPixel', 1) != 1:
    raise NotAScanError('a colour image; expected gray CT slices')


def _word(text: str) -> str:
  """Returns a code from the header, shortened and without odd characters."""
  return ''.join(x for x in text if x.isalnum() or x in '_-')[:16] or 'unclear'


def _check_length(
  dataset: pydicom.Dataset, count: int, path: pathlib.Path
) -> None:
  """Raises DamagedError if the file is too short for the pixels it declares."""
  syntax = dicom_file.syntax(dataset)
  if syntax is None or syntax.is_compressed or syntax.is_deflated:
    return  # Decoding will fail. The size it needs was checked above.
  expected = dataset.Rows * dataset.Columns * count * dataset.BitsAllocated // 8
  if path.stat().st_size < expected:
    raise dicom_file.DamagedError(
      f'it has {path.stat().st_size:,} bytes, its pixels alone need '
      f'{expected:,}: the end is missing'
    )


def _frame(dataset: pydicom.Dataset, index: int) -> Frame:
  """Returns the header of a frame.

  Files with several frames have one group of values per frame, or one that is
  shared by all.
  """
  slope = _find(dataset, index, 'PixelValueTransformation', 'RescaleSlope')
  intercept = _find(
    dataset, index, 'PixelValueTransformation', 'RescaleIntercept'
  )
  if slope is None or intercept is None:
    raise NotAScanError(
      'it has no rescale slope and intercept, so its values are no Hounsfield '
      'units'
    )
  if not (np.isfinite(float(slope)) and np.isfinite(float(intercept))) or not (
    float(slope) > 0
  ):
    raise dicom_file.DamagedError(
      f'a damaged DICOM file: rescale slope {slope}, intercept {intercept}'
    )
  position = _find(dataset, index, 'PlanePosition', 'ImagePositionPatient')
  directions = _find(
    dataset, index, 'PlaneOrientation', 'ImageOrientationPatient'
  )
  return Frame(
    slope=float(slope),
    intercept=float(intercept),
    position=_floats(position, 3),
    orientation=_floats(directions, 6),
  )


def _find(dataset: pydicom.Dataset, index: int, group: str, name: str) -> Any:
  """Returns a value of a frame, from its group, the shared one or the file."""
  per_frame = dataset.get('PerFrameFunctionalGroupsSequence') or []
  shared = dataset.get('SharedFunctionalGroupsSequence') or []
  for groups in (*per_frame[index : index + 1], *shared[:1]):
    for item in groups.get(f'{group}Sequence') or ():
      if item.get(name) is not None:
        return item.get(name)
  # A position outside of the groups is that of the first frame.
  if name == 'ImagePositionPatient' and index:
    return None
  return dataset.get(name)


def _floats(values: Any, count: int) -> tuple[float, ...] | None:
  if values is None or values == '' or len(values) == 0:
    return None
  numbers = tuple(float(x) for x in values)
  if len(numbers) != count or not np.isfinite(numbers).all():
    raise dicom_file.DamagedError(
      f'a damaged DICOM file: {len(numbers)} numbers where {count} belong'
    )
  return numbers
