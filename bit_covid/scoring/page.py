# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The page of a scan: one HTML file that needs no internet connection."""

import collections
import pathlib

import jinja2
from matplotlib import figure as mpl_figure
import numpy as np

from bit_covid.analysis import aggregation
from bit_covid.analysis import figures
from bit_covid.base import page_templates
from bit_covid.scoring import gradcam_montage
from bit_covid.scoring import scan_result
from input_pipeline import conventions

# Texts for the values of `scans.Scan.source`.
SOURCES = {
  'dicom': 'DICOM series',
  'nifti': 'NIfTI volume',
  'images': 'image files',
}
# Texts for the names in `aggregation.METHODS`.
AGGREGATIONS = {
  'mean': 'mean of the slices',
  'max': 'surest slice of each class',
  'top_k': 'ten surest slices of each class',
  'vote': 'share of slices that vote for the class',
}
# Classes besides the predicted one whose maps are in the page of a scan.
_MOST_OTHERS = 3
# What the results hold of the input, besides what the network computes.
KEPT = (
  'digests of the file contents as ids',
  'the kind of the files',
  'the number, the position in mm and the spacing of slices',
  'gray values of the slices that are shown',
)


def render(result: scan_result.ScanResult, cautions: list[str]) -> str:
  """Returns the HTML of a scan's page; `cautions` is that of `output`."""
  montage = chart = None
  if result.montage_slices:
    montage = gradcam_montage.render(result)
  if result.scan_probabilities:
    chart = figures.png(probability_curve(result))
  template = environment().get_template('scan.html.j2')
  return template.render(
    scan_id=result.scan.id,
    predicted=result.predicted,
    verdict=result.verdict,
    certainty=result.certainty,
    disagreement=disagreement(result),
    cautions=cautions,
    classes=result.class_names,
    aggregations=aggregations(result),
    other_montages=_other_montages(result),
    colour_bar=gradcam_montage.colours_of_maps(),
    slices=slice_rows(result),
    main=result.scan_probabilities.get(scan_result.DEFAULT_AGGREGATION),
    counted=result.num_used,
    total=len(result.slices),
    findings=findings(result),
    montage=montage,
    chart=chart,
    notes=result.scan.notes,
    facts=facts(result),
    kept=KEPT,
  )


def _other_montages(
  result: scan_result.ScanResult,
) -> list[tuple[str, bytes]]:
  """Returns the names of the next probable classes, with maps as JPEG files.

  A page with a PNG file for each would be too large to be sent by mail.
  """
  if not result.montage_slices:
    return []
  values = result.scan_probabilities[scan_result.DEFAULT_AGGREGATION]
  order = np.argsort(-values, kind='stable')[1 : 1 + _MOST_OTHERS]
  return [
    (
      result.class_names[i],
      gradcam_montage.render(result, class_index=int(i), kind='JPEG'),
    )
    for i in order
  ]


def probability_curve(result: scan_result.ScanResult) -> mpl_figure.Figure:
  """Returns a plot of probabilities by slice, gray where one does not count."""
  figure = figures.new(2.4)
  axes = figures.plain(figure.subplots())
  for number, each in enumerate(result.slices, start=1):
    if not each.is_used:
      axes.axvspan(number - 0.5, number + 0.5, color='#E5E7EB', linewidth=0)
  used = [(i, x) for i, x in enumerate(result.slices, start=1) if x.is_used]
  for i, name in enumerate(figures.drawn(result.class_names)):
    axes.plot(
      [number for number, _ in used],
      [each.probabilities[i] for _, each in used],
      figures.dashes(i),
      color=figures.colour(i),
      marker=figures.marker(i),
      markersize=2.5,
      linewidth=1,
      label=name,
    )
  axes.set(
    xlim=(0.5, len(result.slices) + 0.5),
    ylim=(-0.02, 1.02),
    xlabel='Slice',
    ylabel='Probability',
  )
  figure.legend(
    *axes.get_legend_handles_labels(),
    loc='outside upper center',
    ncols=min(len(result.class_names), 4),
    frameon=False,
  )
  return figure


def environment() -> jinja2.Environment:
  """Returns the Jinja environment of this folder's templates."""
  return page_templates.environment(pathlib.Path(__file__).parent / 'templates')


def findings(result: scan_result.ScanResult) -> list[tuple[str, int, str]]:
  """Returns each finding, its number of slices, and which: '1-12, 133'."""
  numbers = collections.defaultdict(list)
  for number, each in enumerate(result.slices, start=1):
    if each.finding:
      numbers[each.finding].append(number)
  return [(x, len(found), ranges(found)) for x, found in numbers.items()]


def ranges(numbers: list[int]) -> str:
  """Returns ascending numbers as text, such as '1-12, 133'."""
  parts: list[list[int]] = []
  for number in numbers:
    if parts and parts[-1][1] == number - 1:
      parts[-1][1] = number
    else:
      parts.append([number, number])
  return ', '.join(
    str(first) if first == last else f'{first}-{last}' for first, last in parts
  )


def aggregations(
  result: scan_result.ScanResult,
) -> list[tuple[str, np.ndarray]]:
  """Returns aggregation methods as text, each with its `[C]` probabilities."""
  return [
    (AGGREGATIONS[method], result.scan_probabilities[method])
    for method in aggregation.METHODS
    if result.scan_probabilities
  ]


def worth(result: scan_result.ScanResult) -> list[str]:
  """Returns sentences on what the number of a scan is worth."""
  known = [result.certainty.text] if result.certainty else []
  return [x for x in (*known, disagreement(result)) if x]


def disagreement(result: scan_result.ScanResult) -> str:
  """Returns which methods predict which class; '' if all predict the same."""
  if result.is_unanimous:
    return ''
  predicted = collections.defaultdict(list)
  for text, values in aggregations(result):
    predicted[result.class_names[int(values.argmax())]].append(text)
  said = [f'{name}: {", ".join(texts)}.' for name, texts in predicted.items()]
  return f'The ways to join the slices disagree. {" ".join(said)}'


def facts(result: scan_result.ScanResult) -> list[tuple[str, str]]:
  """Returns names and values of what is known of the scan itself."""
  scan = result.scan
  window = window_text(scan.window) if scan.window else 'as in the files'
  rows = [
    ('Read from', SOURCES[scan.source]),
    ('Slices', f'{len(result.slices)}, {result.num_used} of them count'),
    ('Gray values', window),
  ]
  if scan.spacing is not None:
    rows.append(('Distance of slices', f'{scan.spacing:.3g} mm'))
  if scan.is_ordered:
    rows.append(('Order', 'from head to feet, by position'))
  sides = 'R is the right of the patient, A the front, as the files say'
  if not scan.has_sides:
    sides = 'not known: the files do not say which side is the right one'
  rows.append(('Sides', sides))
  return rows


def slice_rows(result: scan_result.ScanResult) -> list[list[str]]:
  """Returns a row of texts per slice: number, mm, probabilities, finding."""
  rows = []
  for number, each in enumerate(result.slices, start=1):
    position = '' if each.position is None else f'{each.position:.1f}'
    values = [''] * len(result.class_names)
    if each.probabilities is not None:
      values = [f'{100 * x:.1f}' for x in each.probabilities]
    finding = each.finding or ''
    rows.append([str(number), position, *values, finding])
  return rows


def window_text(window: tuple[float, float]) -> str:
  """Returns a window as text in Hounsfield units, HU."""
  center, width = window
  name = 'lung window, ' if window == conventions.LUNG_WINDOW else ''
  return (
    f'{center - width / 2:g} to {center + width / 2:g} HU ({name}center '
    f'{center:g}, width {width:g})'
  )
