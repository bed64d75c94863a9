# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Writes the DICOM objects of a scan, which return to the patient's study.

They name the patient as its images do, so they never lie among the results, and
only their owner may read them.
"""

from collections.abc import Sequence
import io
import pathlib
import warnings

from etils import epath
import pydicom

from bit_covid.base import files
from bit_covid.scoring import scan_result
from bit_covid.scoring.clinic import source_images


def write(
  folder: pathlib.Path,
  result: scan_result.ScanResult,
  *,
  model_name: str,
  notes: Sequence[str],
) -> list[pathlib.Path]:
  """Returns the paths of a Parametric Map and a Structured Report it writes.

  Args:
    folder: that exists.
    result: of a scan with a predicted class, whose files are still there.
    model_name: size of the network, such as 'R50x1'.
    notes: what limits the result.

  Raises:
    ValueError: of `source_images.read` and `Scan.grid`, or the headers break
      the rules of DICOM.
  """
  sources = source_images.read(result.scan)
  paths = []
  for kind, content in _encoded(result, sources, model_name, notes).items():
    path = folder / f'{result.scan.id}_{kind}.dcm'
    files.write(epath.Path(path), content, is_private=True)
    paths.append(path)
  return paths


def _encoded(
  result: scan_result.ScanResult,
  sources: Sequence[pydicom.Dataset],
  model_name: str,
  notes: Sequence[str],
) -> dict[str, bytes]:
  """Returns the content of the files by what they are.

  Raises:
    ValueError: highdicom refuses the headers.
  """
  # Optional: they need the extra `dicom`.
  from bit_covid.scoring.clinic import parametric_map
  from bit_covid.scoring.clinic import structured_report

  try:
    with warnings.catch_warnings():
      # On values of the source that break the rules of DICOM.
      warnings.simplefilter('ignore')
      made = {
        'parametric_map': parametric_map.make(result, sources),
        'structured_report': structured_report.make(
          result, sources, model_name=model_name, notes=notes
        ),
      }
      return {kind: _bytes(x) for kind, x in made.items()}
  # What it takes from odd headers, such as an unknown sex, raises any of them.
  except (AttributeError, TypeError) as error:
    raise ValueError(
      f'its headers break the rules of DICOM: {error}'
    ) from error


def _bytes(dataset: pydicom.Dataset) -> bytes:
  content = io.BytesIO()
  dataset.save_as(content, enforce_file_format=True)
  return content.getvalue()
