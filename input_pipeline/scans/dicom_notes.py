# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Notes about a DICOM scan: each at most once, with the slices concerned.

Slices are named by their numbers from head to feet. The names of files must not
get to the page, as they may contain a patient's name.
"""

import collections
from collections.abc import Iterable, Sequence

import numpy as np

from input_pipeline.scans import dicom_copies
from input_pipeline.scans import orientation
from input_pipeline.scans.dicom_copies import DicomSlice

# Neighbours that are more than this many times the usual distance apart have a
# gap between them.
_GAP = 1.5
# A tilt of the gantry in degrees of which nothing is said.
_MAX_TILT = 1.0
# How many runs of slices a note names.
_MAX_RUNS = 12


def of_series(
  num_patients: int, num_orientations: int, num_copies: int
) -> list[str]:
  """Returns notes about what else has the series id of a scan."""
  notes = {
    'Its series id is also that of another patient or study.': num_patients > 1,
    'Its series has slices of another orientation, which are another scan.': (
      num_orientations > 1
    ),
    f'Slices that were given twice and are used once: {num_copies}.': (
      num_copies > 0
    ),
  }
  return [note for note, is_true in notes.items() if is_true]


def of_order(slices: Sequence[DicomSlice], *, has_number: bool) -> list[str]:
  """Returns notes about slices that are not ordered by position."""
  missing = _named(i for i, x in enumerate(slices) if x.position is None)
  lack, order = 'no position', 'instance numbers'
  if not has_number:
    lack, order = 'neither a position nor an instance number', 'names'
  return [
    f'Some slices have {lack} ({missing}), so the slices are in the order of '
    f'their {order}.'
  ]


def of_spacing(
  positions: Sequence[float | None],
) -> tuple[float | None, list[str]]:
  """Returns the usual distance of neighbours in mm, and notes about others."""
  if len(positions) < 2 or None in positions:
    return None, []
  distances = -np.diff(positions)
  is_apart = distances > dicom_copies.SAME_POSITION
  notes = []
  if not is_apart.all():
    repeated = np.flatnonzero(~is_apart) + 1
    notes.append(
      f'Slices with the position of another one: {len(repeated)} '
      f'({_named(repeated)}). The series may hold several scans of the same '
      'region.'
    )
  if not is_apart.any():
    return None, notes
  # The lower median, so that of three slices one may be missing.
  spacing = float(np.quantile(distances[is_apart], 0.5, method='lower'))
  gaps = np.flatnonzero(distances > _GAP * spacing)
  if len(gaps):
    places = [_gap(i + 1, distances[i], spacing) for i in gaps[:_MAX_RUNS]]
    notes.append(
      f'{len(gaps)} gap{"s" * (len(gaps) > 1)} between neighbouring slices of '
      f'more than {_GAP:g} times the usual {spacing:.3g} mm: '
      f'{", ".join(places)}{", ..." * (len(gaps) > _MAX_RUNS)}.'
    )
  return spacing, notes


def _gap(number: int, distance: float, spacing: float) -> str:
  text = f'{distance:.3g} mm between slices {number} and {number + 1}'
  missing = distance / spacing - 1
  if abs(missing - round(missing)) > 0.1:
    return text
  return f'{text} (as if {round(missing)} were missing)'


def of_slices(slices: Sequence[DicomSlice], spacing: float | None) -> list[str]:
  """Returns notes about the ids of slices, and about how they were made."""
  headers = [x.header for x in slices]
  files = {x.file: x.header.instance for x in slices}
  counts = collections.Counter(files.values())
  angles = np.array([_angle(x) for x in slices])
  facts = {
    'Files with the id (SOPInstanceUID) of another file, but other pixels or '
    'another place; all are used': [
      x.instance and counts[x.instance] > 1 for x in headers
    ],
    'Thinner than the usual distance, with gaps that were not scanned': [
      spacing and x.thickness and _GAP * x.thickness < spacing for x in headers
    ],
    f'Tilted gantry, by up to {angles.max():.0f} degrees': angles > _MAX_TILT,
    'Nothing says how they lie (ImageOrientationPatient); they are shown as '
    'others of their series': [x.is_turned for x in slices],
    'Nothing says how they lie (ImageOrientationPatient); they are shown as '
    'they are stored': [x.orientation is None for x in headers],
  }
  concerned = {x: np.flatnonzero(y) for x, y in facts.items()}
  return [
    *_mixed(
      'slice thickness',
      [f'{x.thickness:.3g} mm' if x.thickness else '' for x in headers],
    ),
    *_mixed('convolution kernels', [x.kernel for x in headers]),
    *(f'{x}: {_named(y)}.' for x, y in concerned.items() if len(y)),
  ]


def _angle(each: DicomSlice) -> float:
  """Returns the tilt of a slice: the larger of the two that a file may name."""
  said = abs(each.header.tilt or 0.0)
  if each.header.orientation is None:
    return said
  return max(said, orientation.tilt(np.array(each.header.orientation)))


def _mixed(what: str, values: Sequence[str]) -> list[str]:
  """Returns a note about a property of which the slices have several values."""
  slices: dict[str, list[int]] = {}
  for index, value in enumerate(values):
    slices.setdefault(value, []).append(index)
  if len(slices.keys() - {''}) < 2:
    return []
  parts = [f'{x or "not known"} ({_named(y)})' for x, y in slices.items()]
  return [f'Mixed {what}: {"; ".join(parts)}.']


def _named(indices: Iterable[int]) -> str:
  """Returns 'slice 3' or 'slices 2, 5-9' for indices from 0, in order."""
  runs: list[list[int]] = []
  for index in indices:
    if runs and runs[-1][1] == index:
      runs[-1][1] = index + 1
    else:
      runs.append([index + 1, index + 1])
  texts = [str(a) if a == b else f'{a}-{b}' for a, b in runs[:_MAX_RUNS]]
  is_one = texts[1:] == [] and runs[0][0] == runs[0][1]
  more = ', ...' * (len(runs) > _MAX_RUNS)
  return f'slice{"s" * (not is_one)} {", ".join(texts)}{more}'
