# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Converts labelled DICOM series to a data set that `image_csv` reads.

    python -m bit_covid.cli.from_dicom series/ --labels=labels.csv \
        --output=data --key=patients.key

labels.csv has the columns `series` (a folder or file below the first argument),
`label`, and `patient`. Of the patient, only a keyed digest gets into the data.
"""

import argparse
from collections.abc import Mapping, Sequence
import csv
import pathlib
import sys
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image
import tqdm

from bit_covid.base import command

if TYPE_CHECKING:
  from input_pipeline import scans as scans_lib

_COLUMNS = ('series', 'label', 'patient')


class Series(NamedTuple):
  """A line of the labels.

  Attributes:
    path: of its folder or file.
    label: name of the class.
    patient: the hospital's name or number of the patient.
    place: file and line of the labels, for messages.
  """

  path: pathlib.Path
  label: str
  patient: str
  place: str


def convert(
  series: Sequence[Series],
  output: pathlib.Path,
  *,
  key: bytes,
  window: tuple[float, float],
) -> list[dict[str, str]]:
  """Writes the images of series; returns the lines of images.csv.

  Slices that the input check flags are left out and printed with the reason.

  Args:
    series: to convert.
    output: an empty folder.
    key: for the digests of patients.
    window: center and width in Hounsfield units.

  Raises:
    ValueError: a file is damaged, is no slice, or lies in two series; the
      message names it.
  """
  # They load TensorFlow, which takes seconds. `--help` and wrong arguments do
  # not wait for it.
  from input_pipeline import patient_hash
  from input_pipeline import scans

  rows, place_of_scan = [], {}
  for each in tqdm.tqdm(series, unit='series', disable=None):
    patient = patient_hash.hashed(each.patient, key)
    with scans.find(each.path, window=window) as found:
      _check(found, each, place_of_scan)
      for scan in found.scans:
        for note in scan.notes:
          tqdm.tqdm.write(f'Note: {scan.name} ({scan.id}): {note}')
        folder = output / 'images' / scan.id
        folder.mkdir(parents=True)
        for checked in scans.read_checked(scan):
          path = _write_slice(scan, checked, folder, place=each.place)
          if path is not None:
            name = path.relative_to(output).as_posix()
            rows.append({'path': name, 'label': each.label, 'patient': patient})
  return sorted(rows, key=lambda row: row['path'])


def _write_slice(
  scan: 'scans_lib.Scan',
  checked: 'scans_lib.Checked',
  folder: pathlib.Path,
  *,
  place: str,
) -> pathlib.Path | None:
  """Returns the path of the PNG that it writes; None for a flagged slice.

  Raises:
    ValueError: the slice cannot be read.
  """
  if checked.gray is None:
    name = scan.slices[checked.index].name
    raise ValueError(f'{place}: {name}: {checked.reason}')
  slice_id = scan.slice_id(checked.index)
  if checked.reason:
    tqdm.tqdm.write(f'Left out: {slice_id}: {checked.reason}')
    return None
  path = folder / f'{slice_id}.png'
  Image.fromarray(checked.gray).save(path)
  return path


def read_labels(path: pathlib.Path, root: pathlib.Path) -> list[Series]:
  """Returns the lines of the labels.

  Args:
    path: of the CSV file.
    root: folder of the series.

  Raises:
    ValueError: a line is invalid; the message has file and line.
  """
  with path.open(newline='', encoding='utf-8-sig') as file:
    reader = csv.DictReader(file, strict=True)
    if set(reader.fieldnames or ()) != set(_COLUMNS):
      raise ValueError(
        f'{path}:1: the columns are {reader.fieldnames}; expected '
        f'{", ".join(_COLUMNS)}.'
      )
    found = [_series(row, root, f'{path}:{reader.line_num}') for row in reader]
  if not found:
    raise ValueError(f'{path} lists no series.')
  label_of_patient: dict[str, str] = {}
  for each in found:
    other = label_of_patient.setdefault(each.patient, each.label)
    if other != each.label:
      # Without the patient's name, since messages get into logs.
      print(
        f'{each.place}: this patient has another label, {other!r}, above.',
        file=sys.stderr,
      )
  return found


def _series(
  row: Mapping[str | None, str | None], root: pathlib.Path, place: str
) -> Series:
  values = [(row.get(name) or '').strip() for name in _COLUMNS]
  if not all(values) or None in row:
    raise ValueError(
      f'{place}: expected a value in each of {", ".join(_COLUMNS)}, and no '
      'more.'
    )
  name, label, patient = values
  path = root / name
  if not path.resolve().is_relative_to(root.resolve()) or not path.exists():
    raise ValueError(
      f'{place}: {name!r} is no folder or file in {root}. Give its path '
      'relative to that folder.'
    )
  return Series(path, label, patient, place)


def _check(
  found: 'scans_lib.Found', each: Series, place_of_scan: dict[str, str]
) -> None:
  """Raises ValueError unless a line names scans that no other line names."""
  for refused in found.refused:
    if refused.cause == 'damaged':
      raise ValueError(f'{each.place}: {refused.name}: {refused.reason}')
    if refused.cause == 'other':
      print(f'Left out: {refused.name}: {refused.reason}', file=sys.stderr)
  foreign = sum(x.cause == 'foreign' for x in found.refused)
  if foreign:
    print(f'{foreign} other files, neither images nor scans', file=sys.stderr)
  if not found.scans:
    raise ValueError(f'{each.place}: there is no scan in {each.path}.')
  for scan in found.scans:
    other = place_of_scan.setdefault(scan.id, each.place)
    if other != each.place:
      raise ValueError(
        f'{each.place}: {scan.name} is already in {other}. Name each series '
        'once.'
      )


def write(rows: Sequence[Mapping[str, str]], path: pathlib.Path) -> None:
  """Writes lines as CSV, with the columns of the first line."""
  with path.open('w', newline='', encoding='utf-8') as file:
    writer = csv.DictWriter(file, list(rows[0]), lineterminator='\n')
    writer.writeheader()
    writer.writerows(rows)


def main(argv: Sequence[str] | None = None) -> int:
  """Converts the series that the arguments name; returns the exit code."""
  return command.main(_parser(), _run, argv)


def _run(arguments: argparse.Namespace) -> int:
  output = arguments.output
  if output.exists() and any(output.iterdir()):
    raise ValueError(f'--output={output} is not empty; name a new folder.')
  if arguments.key.resolve().is_relative_to(output.resolve()):
    raise ValueError(
      f'--key={arguments.key} lies in the data folder, and must not be passed '
      'on with the data; name a file outside of it.'
    )
  series = read_labels(arguments.labels, arguments.root)
  # As in `convert`.
  from input_pipeline import conventions
  from input_pipeline import patient_hash
  from input_pipeline.scans import window as window_lib

  window = window_lib.check(arguments.window or conventions.LUNG_WINDOW)
  rows = convert(
    series,
    output,
    key=patient_hash.read_or_make_key(arguments.key),
    window=window,
  )
  if not rows:
    raise ValueError('No slice is left: the input check flagged all of them.')
  write(rows, output / 'images.csv')
  patients = len({row['patient'] for row in rows})
  center, width = window
  print(
    f'{len(rows)} slices of {patients} patients: {output / "images.csv"}\n'
    f'Next: bit-covid split {output / "images.csv"}\n'
    f'and train with --config.data.window="({center:g}, {width:g})"'
  )
  return 0


def _parser() -> argparse.ArgumentParser:
  parser = command.make_parser(
    'bit_covid.cli.from_dicom',
    description='Turns DICOM series with labels into PNG images and a CSV.',
    examples=('series/ --labels=labels.csv --output=data --key=patients.key',),
  )
  parser.add_argument('root', type=pathlib.Path, help='folder of the series')
  parser.add_argument(
    '--labels',
    required=True,
    type=pathlib.Path,
    help=f'CSV with the columns {", ".join(_COLUMNS)}',
  )
  parser.add_argument(
    '--output', required=True, type=pathlib.Path, help='a new or empty folder'
  )
  parser.add_argument(
    '--key',
    required=True,
    type=pathlib.Path,
    help='file of the key for the digests of patients; it is created if it '
    'does not exist. Keep it, and keep it secret',
  )
  parser.add_argument(
    '--window',
    nargs=2,
    type=float,
    metavar=('CENTER', 'WIDTH'),
    help='in Hounsfield units; default: that of COVIDx CT, -600 1500',
  )
  return parser


if __name__ == '__main__':
  sys.exit(main())
