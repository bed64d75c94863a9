# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Writes the files of `bit_covid.predict`."""

from collections.abc import Sequence
import pathlib

from etils import epath

from bit_covid.analysis import data_caution
from bit_covid.analysis import predictions
from bit_covid.base import files
from bit_covid.base import page_templates
from bit_covid.inference import network as network_lib
from bit_covid.scoring import gradcam_montage
from bit_covid.scoring import index
from bit_covid.scoring import page as page_lib
from bit_covid.scoring import scan_result
from bit_covid.scoring import scored_rows
from bit_covid.scoring import tables as tables_lib
from input_pipeline import scans
from input_pipeline.scans import window as window_lib

_README = """\
{disclaimer}

{cautions}

index.html       all scans of this call, with a link to the page of each
<scan>.html      a page for each scan
<scan>.png       its slices with their Grad-CAM maps
<scan>_*.nii.gz  with --nifti: the map of each class, in the scan's geometry
scans.csv        verdict on each scan; probabilities by aggregation method;
                 unanimous: whether all methods predict the same class; for the
                 mean, the number of similar validation patients (similar), on
                 how many of them the network was right (similar_right), and
                 the interval of their share (right_low, right_high)
predictions.csv  probabilities of each slice; empty: not scored
slices.csv       position, distance to the training, and why one does not count
refused.csv      files that are in no scan, and why
counts.csv       files that were given and used, and slices that count

Nothing of the patient is kept: no name, number, date, place or file name.
What is kept: {kept}.
"""


def cautions(network: network_lib.Network) -> list[str]:
  """Returns sentences on what limits the results, the most important first."""
  data = network.facts.get('data')
  found = [data_caution.data_caution(data).for_scan]
  if network.temperature is None:
    found.append(
      'The probabilities are not calibrated: a probability of 90 % need not be '
      'right nine times in ten.'
    )
  if network.window is None:
    window = page_lib.window_text(window_lib.DEFAULT)
    found.append(
      'The checkpoint does not say which Hounsfield window it was trained '
      f'with; {window} was taken.'
    )
  return found


def write_page(
  folder: pathlib.Path,
  result: scan_result.ScanResult,
  network: network_lib.Network,
) -> None:
  """Writes the page of a scan, and its montage if a slice was scored."""
  target = epath.Path(folder)
  target.mkdir(parents=True, exist_ok=True)
  limits = cautions(network)
  if result.montage_slices:
    first = (
      f'Scan {result.scan.id}: {result.predicted}. {page_templates.DISCLAIMER}'
    )
    below = [first, result.verdict.meaning, *limits[:1]]
    montage = gradcam_montage.render(result, '\n'.join(below))
    files.write(target / f'{result.scan.id}.png', montage)
  page = page_lib.render(result, limits)
  files.write(target / f'{result.scan.id}.html', page.encode())


def write_tables(
  folder: pathlib.Path,
  scored: Sequence[scored_rows.ScoredRows],
  found: scans.Found,
  network: network_lib.Network,
) -> str:
  """Returns the counts as sentences, after writing tables and overview.

  Args:
    folder: that exists.
    scored: what is kept of each scan, in the order of the tables.
    found: all scans and files of the call.
    network: that scored the scans.
  """
  names, target = network.class_names, epath.Path(folder)
  counts = tables_lib.counts_table(
    found,
    num_scans=len(scored),
    num_slices=sum(x.num_slices for x in scored),
    num_counted=sum(x.num_counted for x in scored),
  )
  tables = scored_rows.join(scored, names)
  refused = tables_lib.refused_table(found.refused)
  tables['refused'] = predictions.to_csv(refused)
  tables['counts'] = predictions.to_csv(counts)
  for name, content in tables.items():
    files.write(target / f'{name}.csv', content.encode())
  text = _README.format(
    disclaimer=page_templates.DISCLAIMER,
    cautions='\n'.join(cautions(network)),
    kept='; '.join(page_lib.KEPT),
  )
  files.write(target / 'README.txt', text.encode())
  sentences = tables_lib.counts_text(counts)
  # Last, so that where it exists, so do all other files.
  page = index.render(
    [x.row for x in scored],
    found,
    names,
    counts=sentences,
    cautions=cautions(network),
  )
  files.write(target / 'index.html', page.encode())
  return sentences
