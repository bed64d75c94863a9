# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A page for each scan: one HTML file that opens without a network."""

import collections
from collections.abc import Mapping
import pathlib
from typing import Any

import jinja2

from bit_covid.analysis import aggregation
from bit_covid.analysis import figures
from bit_covid.base import page_templates
from bit_covid.scoring import montage
from bit_covid.scoring import score
from input_pipeline import conventions

DISCLAIMER = 'Research software, not a medical device.'
# In words, by the names of `scans.Scan.source`.
SOURCES = {
  'dicom': 'DICOM series',
  'nifti': 'NIfTI volume',
  'images': 'image files',
}
# In words, by the names of `aggregation.METHODS`.
METHODS = {
  'mean': 'mean of the slices',
  'max': 'surest slice of each class',
  'top_k': 'ten surest slices of each class',
  'vote': 'share of slices that vote for the class',
}
# What of the input is in the results, besides pixels.
KEPT = (
  'digests of the file contents as ids',
  'the kind of the files',
  'the number, the position in mm and the spacing of slices',
  'gray values of the slices that are shown',
)


def cautions(
  facts: Mapping[str, Any],
  *,
  window: tuple[float, float] | None,
  temperature: float | None,
) -> list[str]:
  """Returns what limits the results of a checkpoint, the gravest first.

  Args:
    facts: of the checkpoint's metadata.
    window: of the checkpoint.
    temperature: of the checkpoint.
  """
  found = []
  data = str(facts.get('data') or '')
  if data.startswith(('phantom', 'textures')):
    found.append(
      'The network was trained on drawn pictures, not on patients: these '
      'numbers show that the software works, and nothing else.'
    )
  elif data.startswith('covidx_ct'):
    found.append(
      'The network was trained on COVIDx CT, in which class and hospital go '
      'together: at another hospital it may be wrong far more often.'
    )
  else:
    found.append(
      'The checkpoint does not say which data set its network was trained on.'
      if not data
      else 'The network was trained on images of its own user; how well it '
      'does on others is not known.'
    )
  if temperature is None:
    found.append(
      'The probabilities are not calibrated: a probability of 90 % need not be '
      'right nine times in ten.'
    )
  if window is None:
    found.append(
      'The checkpoint does not say which Hounsfield window it was trained '
      f'with; {_window(conventions.LUNG_WINDOW)} was taken.'
    )
  return found


def render(result: score.ScanResult, cautions: list[str]) -> str:
  """Returns the HTML of a scan's page.

  Args:
    result: of the scan.
    cautions: of `cautions`.
  """
  chart = None
  if result.joined:
    chart = figures.png(montage.along_scan(result))
  return (
    environment()
    .get_template('scan.html.j2')
    .render(
      disclaimer=DISCLAIMER,
      scan_id=result.scan.id,
      predicted=result.predicted,
      cautions=cautions,
      classes=result.class_names,
      joined=[
        (METHODS[x], result.joined[x])
        for x in aggregation.METHODS
        if result.joined
      ],
      main=result.joined.get(score.METHOD),
      counted=result.num_used,
      total=len(result.slices),
      findings=findings(result),
      montage=montage.montage(result) if result.shown else None,
      chart=chart,
      notes=result.scan.notes,
      facts=facts(result),
      kept=KEPT,
    )
  )


def environment() -> jinja2.Environment:
  """Returns what renders the templates of this room."""
  return page_templates.environment(pathlib.Path(__file__).parent / 'templates')


def findings(result: score.ScanResult) -> list[tuple[str, int, str]]:
  """Returns each finding, on how many slices, and on which: '1-12, 133'."""
  numbers = collections.defaultdict(list)
  for number, each in enumerate(result.slices, start=1):
    if each.finding:
      numbers[each.finding].append(number)
  return [(x, len(found), ranges(found)) for x, found in numbers.items()]


def ranges(numbers: list[int]) -> str:
  """Returns sorted numbers as text, '1-12, 133'."""
  parts: list[list[int]] = []
  for number in numbers:
    if parts and parts[-1][1] == number - 1:
      parts[-1][1] = number
    else:
      parts.append([number, number])
  return ', '.join(
    str(first) if first == last else f'{first}-{last}' for first, last in parts
  )


def facts(result: score.ScanResult) -> list[tuple[str, str]]:
  """Returns what is known of the scan itself, by name."""
  scan = result.scan
  window = _window(scan.window) if scan.window else 'as in the files'
  rows = [
    ('Read from', SOURCES[scan.source]),
    ('Slices', f'{len(result.slices)}, {result.num_used} of them count'),
    ('Gray values', window),
  ]
  if scan.spacing is not None:
    rows.append(('Distance of slices', f'{scan.spacing:.3g} mm'))
  if scan.is_ordered:
    rows.append(('Order', 'from head to feet, by position'))
  return rows


def _window(window: tuple[float, float]) -> str:
  center, width = window
  return (
    f'{center - width / 2:g} to {center + width / 2:g} HU (center {center:g}, '
    f'width {width:g})'
  )
