# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The key: which id of the results is which file, series and patient.

It is the only way back from the results, and names the patient.
"""

from collections.abc import Sequence
import csv
import io
import pathlib

from etils import epath

from bit_covid.base import csv_file
from bit_covid.base import files
from input_pipeline import scans
from input_pipeline.scans import budget
from input_pipeline.scans import dicom_elements
from input_pipeline.scans import dicom_file

_OF_PATIENT = ('PatientID', 'StudyInstanceUID', 'SeriesInstanceUID')
_COLUMNS = (
  *('scan_id', 'slice_id', 'file_id', 'file'),
  *('patient_id', 'study_uid', 'series_uid'),
)


def rows(found: scans.Found) -> list[tuple[str, ...]]:
  """Returns a row for each slice, then one for each refused file.

  The columns are scan_id, slice_id, file_id, file, patient_id, study_uid and
  series_uid, '' where there is none. It reads files of an open `scans.find`.
  """
  slices = []
  for scan in found.scans:
    patient = _patient(scan)
    slices += [
      (scan.id, scan.slice_id(i), x.file_id, x.name, *patient)
      for i, x in enumerate(scan.slices)
    ]
  refused = [('', '', x.id, x.name, '', '', '') for x in found.refused]
  return slices + refused


def write(path: pathlib.Path, rows_: Sequence[tuple[str, ...]]) -> None:
  """Writes rows of `rows` as a CSV file that only its owner may read."""
  text = io.StringIO()
  writer = csv.writer(text, lineterminator='\n')
  writer.writerow(_COLUMNS)
  for row in rows_:
    writer.writerow(map(csv_file.escaped, row))
  files.write(epath.Path(path), text.getvalue().encode(), is_private=True)


def _patient(scan: scans.Scan) -> tuple[str, ...]:
  """Returns what the first file of a scan that says it says of the patient."""
  known = dict.fromkeys(_OF_PATIENT, '')
  for each in scan.slices if scan.source == 'dicom' else ():
    with dicom_file.quiet():
      parsed = dicom_file.parse(each.path, budget.Budget())
      elements = dicom_elements.Elements(parsed)
      for keyword, text in known.items():
        known[keyword] = text or ' '.join(elements.texts(keyword))
    if all(known.values()):
      break
  return tuple(known.values())
