# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The headers of a scan's DICOM files, to which new DICOM objects refer."""

from collections.abc import Sequence

import pydicom
import pydicom.uid

from input_pipeline import scans
from input_pipeline.scans import budget
from input_pipeline.scans import dicom_file

# What a reference to an image consists of, and what places new images beside
# it.
_UIDS = (
  *('SOPClassUID', 'SOPInstanceUID', 'StudyInstanceUID', 'SeriesInstanceUID'),
  'FrameOfReferenceUID',
)
# Of the patient and the study; the standard allows them to be empty.
_MAY_BE_EMPTY = (
  *('PatientID', 'PatientName', 'PatientBirthDate', 'PatientSex'),
  *('StudyID', 'StudyDate', 'StudyTime', 'AccessionNumber'),
  *('ReferringPhysicianName', 'SliceThickness'),
)


class NoReferenceError(ValueError):
  """New DICOM objects cannot refer to the files. The message names none."""


def read(scan: scans.Scan) -> list[pydicom.Dataset]:
  """Returns the header of each slice, in the order of the scan.

  Elements that may be empty are there.

  Raises:
    NoReferenceError: the files are not DICOM, have several frames, or lack what
      a reference needs.
    dicom_file.DamagedError: a file was changed since it was found.
  """
  if scan.source != 'dicom':
    raise NoReferenceError('only DICOM files have a study to return to')
  paths = [x.path for x in scan.slices]
  if len(set(paths)) < len(paths):
    raise NoReferenceError(
      'it is a file with several frames; export it as one file for each slice'
    )
  headers = []
  with dicom_file.quiet():
    for path in paths:
      headers.append(dicom_file.parse(path, budget.Budget()).dataset)
    _check(headers)
  for header in headers:
    for keyword in _MAY_BE_EMPTY:
      header.setdefault(keyword, None)
  return headers


def _check(headers: Sequence[pydicom.Dataset]) -> None:
  for keyword in _UIDS:
    wrong = sum(not _is_uid(x.get(keyword)) for x in headers)
    if wrong:
      raise NoReferenceError(
        f'{wrong} of {len(headers)} slices have no valid {keyword}, to which '
        'DICOM objects refer; export the series from where it came'
      )
  for keyword in ('StudyInstanceUID', 'SeriesInstanceUID'):
    if len({x[keyword].value for x in headers}) > 1:
      raise NoReferenceError(f'its slices have several {keyword}s')
  if len({x.SOPInstanceUID for x in headers}) < len(headers):
    raise NoReferenceError('several of its slices have one SOPInstanceUID')


def _is_uid(value: object) -> bool:
  return isinstance(value, pydicom.uid.UID) and value != '' and value.is_valid
