# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Downloads of a scored scan: the files that `bit_covid.predict` writes."""

import io
import pathlib
import tempfile
import zipfile

from bit_covid.inference import network as network_lib
from bit_covid.scoring import output
from bit_covid.scoring import page
from bit_covid.scoring import score
from input_pipeline import scans


def report(result: score.ScanResult, classifier: network_lib.Network) -> bytes:
  """Returns the scan's page, one HTML file."""
  return page.render(result, output.cautions(classifier)).encode()


def archive(
  result: score.ScanResult,
  found: scans.Found,
  classifier: network_lib.Network,
) -> bytes:
  """Returns a zip archive of the scan's page, its picture and the tables."""
  buffer = io.BytesIO()
  with tempfile.TemporaryDirectory(prefix='bit_covid_app') as name:
    folder = pathlib.Path(name)
    output.write_page(folder, result, classifier)
    output.write_tables(folder, [result], found, classifier)
    with zipfile.ZipFile(buffer, 'w', zipfile.ZIP_DEFLATED) as file:
      for path in sorted(folder.iterdir()):
        file.write(path, f'{result.scan.id}/{path.name}')
  return buffer.getvalue()
