# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The files of a scored scan, as `bit_covid.predict` writes them."""

import io
import pathlib
import tempfile
from typing import TYPE_CHECKING
import zipfile

from bit_covid import scan_output
from bit_covid import scan_page
from bit_covid import scan_results
from input_pipeline import scans

if TYPE_CHECKING:
  from bit_covid.classifier import Classifier


def report(result: scan_results.ScanResult, classifier: 'Classifier') -> bytes:
  """Returns the scan's page, one HTML file."""
  return scan_page.render(result, scan_output.cautions(classifier)).encode()


def archive(
  result: scan_results.ScanResult,
  refused: list[scans.Refused],
  classifier: 'Classifier',
) -> bytes:
  """Returns a zip archive of the scan's page, its picture and the tables."""
  buffer = io.BytesIO()
  with tempfile.TemporaryDirectory(prefix='bit_covid_app') as name:
    folder = pathlib.Path(name)
    scan_output.write_page(folder, result, classifier)
    scan_output.write_tables(folder, [result], refused, classifier)
    with zipfile.ZipFile(buffer, 'w', zipfile.ZIP_DEFLATED) as file:
      for path in sorted(folder.iterdir()):
        file.write(path, f'{result.scan.id}/{path.name}')
  return buffer.getvalue()
