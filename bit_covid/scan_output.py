# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The files that `bit_covid.predict` writes."""

from collections.abc import Sequence
import pathlib

from etils import epath
import pandas as pd

from bit_covid import atomic_file
from bit_covid import classifier as classifier_lib
from bit_covid import scan_index
from bit_covid import scan_montage
from bit_covid import scan_page
from bit_covid import scan_results
from bit_covid import scan_table
from bit_covid.analysis import predictions
from input_pipeline import scans

_README = """\
{disclaimer}

{cautions}

index.html       all scans of this call, with a link to the page of each
<scan>.html      a page for each scan
<scan>.png       its slices with their Grad-CAM maps
scans.csv        probabilities of each scan, by way to join its slices
predictions.csv  probabilities of each slice; empty: not scored
slices.csv       where each slice lies, and why it does not count
refused.csv      files that are in no scan, and why

Nothing of the patient is kept: no name, number, date, place or file name.
What is kept: {kept}.
"""


def cautions(classifier: classifier_lib.Classifier) -> list[str]:
  """Returns what limits the results of a classifier, the gravest first."""
  return scan_page.cautions(
    classifier.facts,
    window=classifier.window,
    temperature=classifier.temperature,
  )


def write_page(
  folder: pathlib.Path,
  result: scan_results.ScanResult,
  classifier: classifier_lib.Classifier,
) -> None:
  """Writes the page of a scan, and its montage if a slice was scored."""
  target = epath.Path(folder)
  target.mkdir(parents=True, exist_ok=True)
  limits = cautions(classifier)
  if result.shown:
    first = f'Scan {result.scan.id}: {result.predicted}. {scan_page.DISCLAIMER}'
    montage = scan_montage.montage(result, '\n'.join([first, *limits[:1]]))
    atomic_file.write(target / f'{result.scan.id}.png', montage)
  page = scan_page.render(result, limits)
  atomic_file.write(target / f'{result.scan.id}.html', page.encode())


def write_tables(
  folder: pathlib.Path,
  results: Sequence[scan_results.ScanResult],
  refused: Sequence[scans.Refused],
  classifier: classifier_lib.Classifier,
) -> None:
  """Writes what is known of all scans, slices and refused files.

  Last index.html: where it is, all of it is there.
  """
  names = classifier.class_names
  reasons = [(x.id, x.cause, x.reason) for x in refused]
  tables = {
    'scans': scan_table.of_scans(results, names),
    'predictions': scan_table.of_slices(results, names),
    'slices': scan_table.of_findings(results),
    'refused': pd.DataFrame(reasons, columns=['file_id', 'cause', 'reason']),
  }
  for name, table in tables.items():
    predictions.write(table, folder / f'{name}.csv')
  text = _README.format(
    disclaimer=scan_page.DISCLAIMER,
    cautions='\n'.join(cautions(classifier)),
    kept='; '.join(scan_page.KEPT),
  )
  target = epath.Path(folder)
  atomic_file.write(target / 'README.txt', text.encode())
  page = scan_index.render(
    results, refused, names, cautions=cautions(classifier)
  )
  atomic_file.write(target / 'index.html', page.encode())
