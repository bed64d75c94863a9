# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What the header of a DICOM file says of its slices."""

import dataclasses
import unicodedata

import numpy as np

from input_pipeline.scans import budget as budget_lib
from input_pipeline.scans import dicom_elements
from input_pipeline.scans import dicom_file
from input_pipeline.scans import dicom_values
from input_pipeline.scans import input_file
from input_pipeline.scans import orientation as orientation_lib
from input_pipeline.scans import scan

# Values of BodyPartExamined that mean a part of the body without lungs.
_ELSEWHERE = frozenset(
  """
  ANKLE ARM BLADDER BRAIN BREAST CALF COLON CSPINE EAR ELBOW EXTREMITY FEMUR
  FOOT FOREARM HAND HEAD HIP JAW KNEE LEG LSPINE MANDIBLE MAXILLA NECK ORBIT
  PELVIS PROSTATE SINUS SKULL TEMPORALBONE THIGH TIBIA UTERUS WRIST
  """.split()  # noqa: SIM905, a table of one word a line is no easier to read
)
# What the SOP classes of CT images begin with.
_CT_IMAGES = '1.2.840.10008.5.1.4.1.1.2'
# Values of ImageType or FrameType that mean an overview image, in any place.
_LOCALIZERS = frozenset(('LOCALIZER', 'SCANOGRAM', 'SCOUT', 'TOPOGRAM'))


@dataclasses.dataclass(frozen=True)
class Header:
  """A slice of a DICOM file. Texts are '' and others None if not known.

  Attributes:
    pixels: where the pixels of the file are.
    index: index of the slice in the file.
    values: what the pixels mean.
    patient: number and name of the patient, and id of the study.
    series: id of the series.
    instance: id of the file.
    number: number of the file in its series.
    origin: x, y and z of the first pixel in mm.
    orientation: the direction cosines of rows and columns, six numbers.
    pixel_size: height and width of a pixel in mm.
    thickness: of the slice in mm.
    kernel: name of the convolution kernel.
    tilt: of the gantry in degrees.
  """

  pixels: dicom_file.PixelData
  index: int
  values: dicom_values.Values
  patient: tuple[str, str, str]
  series: str
  instance: str
  number: float | None
  origin: tuple[float, ...] | None
  orientation: tuple[float, ...] | None
  pixel_size: tuple[float, ...] | None
  thickness: float | None
  kernel: str
  tilt: float | None


def read(
  file: input_file.InputFile, budget: budget_lib.Budget
) -> tuple[list[Header], list[scan.Refused]]:
  """Returns the slices of a file, and the frames that are none.

  If it has no slice at all, or more than are left of the budget of the call,
  the file itself is refused.
  """
  try:
    with dicom_file.quiet():
      return _read(file, budget)
  except budget_lib.BudgetError as error:
    return [], [file.refuse(str(error), 'damaged')]
  except (dicom_file.NotAScanError, dicom_file.DamagedError) as error:
    return [], [file.refuse(str(error), error.cause)]
  # A malicious file, or one from a bad disk, can make pydicom raise anything:
  # AttributeError, struct.error, ... The message may quote the file, and so a
  # patient's name.
  except Exception:
    error = dicom_file.DamagedError('its header cannot be read')
    return [], [file.refuse(str(error), error.cause)]


def _read(
  file: input_file.InputFile, budget: budget_lib.Budget
) -> tuple[list[Header], list[scan.Refused]]:
  parsed = dicom_file.parse(file.path, budget)
  elements = dicom_elements.Elements(parsed)
  _check_kind(parsed, elements)
  pixels = dicom_values.locate(parsed.pixels, elements)
  count = pixels.options['number_of_frames']
  if elements.num_described not in (0, count):
    raise dicom_file.DamagedError(
      f'NumberOfFrames is {count}, but its header describes '
      f'{elements.num_described} frames'
    )
  budget.take_slices(count)
  headers, errors = [], {}
  for index in range(count):
    try:
      elements = dicom_elements.Elements(parsed, index)
      headers.append(_header(elements, pixels, index))
    except (dicom_file.NotAScanError, dicom_file.DamagedError) as error:
      errors[f'{file.name}, frame {index + 1}'] = error
  if not headers:
    raise next(iter(errors.values()))
  content = file.digest() if errors else ''
  return headers, [
    scan.Refused(name, scan.digest(content.encode()), str(x), x.cause)
    for name, x in errors.items()
  ]


def _check_kind(
  parsed: dicom_file.Parsed, elements: dicom_elements.Elements
) -> None:
  if 'DirectoryRecordSequence' in parsed.dataset:
    raise dicom_file.NotAScanError(
      'an index of DICOM files (DICOMDIR), no image'
    )
  kind = elements.text('SOPClassUID')
  modality = elements.text('Modality')
  if not (kind or modality):
    raise dicom_file.DamagedError('it has neither SOPClassUID nor Modality')
  if kind.startswith(_CT_IMAGES) and parsed.pixels is None:
    raise dicom_file.DamagedError('its pixels are missing, or no whole numbers')
  if modality != 'CT':
    raise dicom_file.NotAScanError(
      f'the modality is {dicom_elements.word(modality)}; expected CT'
      if modality
      else 'the file has no modality; expected CT'
    )
  parts = [
    x.upper().replace(' ', '') for x in elements.texts('BodyPartExamined')
  ]
  if parts and _ELSEWHERE.issuperset(parts):
    raise dicom_file.NotAScanError(
      f'the body part is {dicom_elements.word(parts[0])}; expected the chest'
    )
  if not elements.texts('Rows') or parsed.pixels is None:
    raise dicom_file.NotAScanError('it holds no image')
  colours = elements.text('PhotometricInterpretation') or 'missing'
  samples = elements.whole('SamplesPerPixel', 1)
  if samples != 1 or colours not in ('MONOCHROME1', 'MONOCHROME2'):
    raise dicom_file.NotAScanError(
      f'PhotometricInterpretation {dicom_elements.word(colours)}, {samples} '
      'values a pixel: expected gray CT slices, MONOCHROME1 or MONOCHROME2'
    )


def _header(
  elements: dicom_elements.Elements, pixels: dicom_file.PixelData, index: int
) -> Header:
  kinds = elements.texts('FrameType') or elements.texts('ImageType')
  if not _LOCALIZERS.isdisjoint(x.upper() for x in kinds):
    raise dicom_file.NotAScanError('a localizer, not an axial slice')
  orientation = elements.numbers('ImageOrientationPatient', 6)
  pixel_size = elements.numbers('PixelSpacing', 2)
  problem = (
    orientation and orientation_lib.problem(np.array(orientation))
  ) or (pixel_size and orientation_lib.pixel_problem(*pixel_size))
  if problem:
    raise dicom_file.NotAScanError(problem)
  return Header(
    pixels=pixels,
    index=index,
    values=dicom_values.read(elements),
    patient=(
      _identity(elements, 'PatientID'),
      _identity(elements, 'PatientName'),
      _identity(elements, 'StudyInstanceUID'),
    ),
    series=_identity(elements, 'SeriesInstanceUID'),
    instance=_identity(elements, 'SOPInstanceUID'),
    number=elements.number('InstanceNumber'),
    origin=elements.numbers('ImagePositionPatient', 3),
    orientation=orientation,
    pixel_size=pixel_size,
    thickness=elements.number('SliceThickness'),
    kernel='/'.join(
      map(dicom_elements.word, elements.texts('ConvolutionKernel'))
    ),
    tilt=elements.number('GantryDetectorTilt'),
  )


def _identity(elements: dicom_elements.Elements, keyword: str) -> str:
  """Returns an id or name in the one form of all ways to write it."""
  text = ' '.join(elements.texts(keyword)).split('=')[0].replace('^', ' ')
  return ' '.join(unicodedata.normalize('NFKC', text).casefold().split())
