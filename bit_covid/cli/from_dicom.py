# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""DICOM series with labels to a data set that `image_csv` reads.

    python -m bit_covid.cli.from_dicom series/ --labels=labels.csv \
        --output=data --key=patients.key

labels.csv has the columns `series`, a folder or file below the first argument,
`label`, and `patient`, of which only a digest under the key gets into the data.
"""

import argparse
from collections.abc import Mapping, Sequence
import csv
import pathlib
import sys
from typing import NamedTuple

from PIL import Image
import tqdm

from bit_covid.base import command

_COLUMNS = ('series', 'label', 'patient')


class Series(NamedTuple):
  """A line of the labels.

  Attributes:
    path: of its folder or file.
    label: name of the class.
    patient: as the hospital calls the patient.
    place: file and line.
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
  """Returns the lines of images.csv, after the images were written.

  Slices that the input check flags are left out and printed with the reason.

  Args:
    series: what to convert.
    output: an empty folder.
    key: of the digests of patients.
    window: center and width in Hounsfield units.

  Raises:
    ValueError: a file is damaged, is no slice, or lies in two series; the
      message names it.
  """
  # TensorFlow comes with them and takes seconds to load; `--help` and wrong
  # arguments do not wait for it.
  from input_pipeline import patient_hash
  from input_pipeline import scans

  rows, place_of_scan = [], {}
  for each in tqdm.tqdm(series, unit='series', disable=None):
    patient = patient_hash.hashed(each.patient, key)
    with scans.find(each.path, window=window) as found:
      _check(found, each, place_of_scan)
      for scan in found.scans:
        folder = output / 'images' / scan.id
        folder.mkdir(parents=True)
        for checked in scans.read_checked(scan):
          if checked.gray is None:
            name = scan.slices[checked.index].name
            raise ValueError(f'{each.place}: {name}: {checked.reason}')
          slice_id = scan.slice_id(checked.index)
          if checked.reason:
            tqdm.tqdm.write(f'Left out: {slice_id}: {checked.reason}')
            continue
          path = folder / f'{slice_id}.png'
          Image.fromarray(checked.gray).save(path)
          rows.append(
            {
              'path': path.relative_to(output).as_posix(),
              'label': each.label,
              'patient': patient,
            }
          )
  return sorted(rows, key=lambda row: row['path'])


def read_labels(path: pathlib.Path, root: pathlib.Path) -> list[Series]:
  """Returns the lines of the labels.

  Raises:
    ValueError: a line is not as it should be; the message has file and line.
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
      # Not the patient's own name: messages get into logs.
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


def _check(found, each: Series, place_of_scan: dict[str, str]) -> None:
  """Raises ValueError unless a line names scans that no other one has."""
  for refused in found.refused:
    if refused.cause == 'damaged':
      raise ValueError(f'{each.place}: {refused.name}: {refused.reason}')
    if refused.cause == 'other':
      print(f'Left out: {refused.name}: {refused.reason}', file=sys.stderr)
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
  """Writes lines as CSV, with the columns of the first."""
  with path.open('w', newline='', encoding='utf-8') as file:
    writer = csv.DictWriter(file, list(rows[0]), lineterminator='\n')
    writer.writeheader()
    writer.writerows(rows)


def main(argv: Sequence[str] | None = None) -> int:
  """Does what the arguments ask for; returns the exit code."""
  return command.main(_parser(), _run, argv)


def _run(arguments: argparse.Namespace) -> int:
  output = arguments.output
  if output.exists() and any(output.iterdir()):
    raise ValueError(f'--output={output} is not empty; name a new folder.')
  if arguments.key.resolve().is_relative_to(output.resolve()):
    raise ValueError(
      f'--key={arguments.key} lies in the data, which it must not go about '
      'with; name a file outside.'
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
    help='file of the key that patients are hashed with; made if it is not '
    'there. Keep it, and keep it to yourself',
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
