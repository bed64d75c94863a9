# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The work of `bit-covid from-dicom`: series to images and a CSV."""

import argparse
import collections
from collections.abc import Mapping, Sequence
import pathlib
import sys
from typing import NamedTuple

from PIL import Image
import tqdm

from bit_covid.base import csv_file
from bit_covid.base import disk
from bit_covid.base import files
from bit_covid.base import lines
from input_pipeline import names
from input_pipeline import patient_hash
from input_pipeline import scans
from input_pipeline.scans import window as window_lib

COLUMNS = ('series', 'label', 'patient')


class _Series(NamedTuple):
  """A line of the labels, whose file and line are `place`."""

  path: pathlib.Path
  label: str
  patient: str
  place: str


def run(arguments: argparse.Namespace) -> int:
  """Returns the exit code, after converting what the arguments name.

  Raises:
    ValueError: labels or series are invalid, or no slice is left.
  """
  output = arguments.output
  series = _read_labels(arguments.labels, arguments.root)
  _check_names(series)
  window = window_lib.check(arguments.window or window_lib.DEFAULT)
  key = patient_hash.read_or_make_key(arguments.key)
  with files.new_folder(output):
    rows = _convert(series, output, key=key, window=window)
    if not rows:
      raise ValueError('No slice is left: the input check flagged all of them.')
    csv_file.write(output / 'images.csv', rows)
  patients = len({row['patient'] for row in rows})
  center, width = window
  path = output / 'images.csv'
  lines.say(f'{len(rows)} slices of {patients} patients: {path}')
  lines.say(f'Next: bit-covid split {path}')
  lines.say(f'and train with --config.data.window="({center:g}, {width:g})"')
  return 0


def _read_labels(path: pathlib.Path, root: pathlib.Path) -> list[_Series]:
  """Returns the lines of the labels, whose series lie below `root`."""
  rows = csv_file.read(path, COLUMNS)
  found = [_to_series(row, root, place) for place, row in rows.items()]
  label_of_patient: dict[str, str] = {}
  for each in found:
    other = label_of_patient.setdefault(each.patient, each.label)
    if other != each.label:
      # Without the patient's name, since messages get into logs.
      lines.say(
        f'{each.place}: this patient has another label, {other!r}, above.',
        sys.stderr,
      )
  return found


def _to_series(
  row: Mapping[str, str], root: pathlib.Path, place: str
) -> _Series:
  name, label, patient = (row[x].strip() for x in COLUMNS)
  path = root / name.replace('\\', '/')
  if not path.resolve().is_relative_to(root.resolve()) or not path.exists():
    raise ValueError(
      f'{place}: {name!r} is no folder or file in {root}. Give its path '
      'relative to that folder.'
    )
  return _Series(path, label, patient, place)


def _convert(
  series: Sequence[_Series],
  output: pathlib.Path,
  *,
  key: bytes,
  window: tuple[float, float],
) -> list[dict[str, str]]:
  """Returns the lines of images.csv, after writing the images."""
  rows, place_of_scan, count = [], {}, collections.Counter()
  for each in tqdm.tqdm(series, unit='series', disable=None):
    patient = patient_hash.hashed(each.patient, key)
    with scans.find(each.path, window=window) as all_found:
      found = scans.without_copies(all_found)
      count.update(given=found.num_files, used=found.num_used)
      _check(found, each, place_of_scan)
      for scan in found.scans:
        for note in scan.notes:
          text = f'Note: {scan.name} ({scan.id}): {note}'
          tqdm.tqdm.write(lines.shown(text))
        folder = output / 'images' / scan.id
        folder.mkdir(parents=True)
        count['slices'] += len(scan)
        for checked in scans.read_checked(scan):
          path = _write_slice(scan, checked, folder, place=each.place)
          if path is not None:
            name = path.relative_to(output).as_posix()
            rows.append({'path': name, 'label': each.label, 'patient': patient})
  lines.say(
    f'Files given: {count["given"]:,}. In scans: {count["used"]:,}. In none: '
    f'{count["given"] - count["used"]:,}. Slices: {count["slices"]:,}. '
    f'Converted: {len(rows):,}. Left out: {count["slices"] - len(rows):,}.'
  )
  return sorted(rows, key=lambda row: row['path'])


def _check(
  found: scans.Found, each: _Series, place_of_scan: dict[str, str]
) -> None:
  # Each line must name scans, and no other line may name them.
  for refused in found.refused:
    if refused.cause == 'damaged':
      raise ValueError(f'{each.place}: {refused.name}: {refused.reason}')
    if refused.cause == 'other':
      text = f'Left out: {refused.name}: {refused.reason}'
      lines.say(text, sys.stderr)
  foreign = sum(x.cause == 'foreign' for x in found.refused)
  if foreign:
    text = f'{foreign} other files, neither images nor scans'
    lines.say(text, sys.stderr)
  if not found.scans:
    raise ValueError(f'{each.place}: there is no scan in {each.path}.')
  for scan in found.scans:
    other = place_of_scan.setdefault(scan.id, each.place)
    if other != each.place:
      raise ValueError(
        f'{each.place}: {scan.name} is already in {other}. Name each series '
        'once.'
      )


def _write_slice(
  scan: scans.Scan,
  checked: scans.Checked,
  folder: pathlib.Path,
  *,
  place: str,
) -> pathlib.Path | None:
  if checked.gray is None:
    name = scan.slices[checked.index].name
    raise ValueError(f'{place}: {name}: {checked.reason}')
  slice_id = scan.slice_id(checked.index)
  if checked.reason:
    tqdm.tqdm.write(lines.shown(f'Left out: {slice_id}: {checked.reason}'))
    return None
  path = folder / f'{slice_id}.png'
  with disk.writing(path):
    Image.fromarray(checked.gray).save(path)
  return path


def _check_names(series: Sequence[_Series]) -> None:
  labels, patients = {}, {}
  for each in series:
    labels.setdefault(each.label, each.place)
    patients.setdefault(each.patient, each.place)
  names.check_names('label', labels)
  # Two forms of one patient would get two digests, and be in two splits.
  names.check_spellings('patient', patients, show=False)
