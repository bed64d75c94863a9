# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""CSV files that users write, whose errors are reported by file and line."""

from collections.abc import Mapping, Sequence
import csv
import io
import pathlib

from etils import epath

from bit_covid.base import files


def read(
  path: pathlib.Path, columns: Sequence[str], *, allow_others: bool = False
) -> dict[str, dict[str, str]]:
  """Returns the rows of a CSV by their place, such as 'labels.csv:2'.

  Args:
    path: of the file.
    columns: each must exist and hold a value in every row.
    allow_others: whether the file may have other columns, too.

  Raises:
    ValueError: a column or a value is missing, there are no rows, or the file
      is not UTF-8.
  """
  rows = {}
  reader = csv.DictReader(io.StringIO(_text(path), newline=''), strict=True)
  try:
    names = list(reader.fieldnames or ())
    if not _is_header(names, columns, allow_others=allow_others):
      raise ValueError(
        f'{path}:1: the columns are {", ".join(map(repr, names))}; expected '
        f'{", ".join(columns)}, each once, and none without a name.'
      )
    for row in reader:
      place = f'{path}:{reader.line_num}'
      _check_row(row, place, names, columns)
      rows[place] = row
  except csv.Error as error:
    raise ValueError(
      f'{path}:{reader.reader.line_num}: a quotation mark is missing or stands '
      'in the middle of a field.'
    ) from error
  if not rows:
    raise ValueError(f'{path} has no row below its header.')
  return rows


def _is_header(
  names: Sequence[str], columns: Sequence[str], *, allow_others: bool
) -> bool:
  has_others = len(names) > len(columns)
  is_unique = len(set(names) - {''}) == len(names)
  has_all = set(columns).issubset(names)
  return has_all and is_unique and (allow_others or not has_others)


def _check_row(
  row: Mapping[str, str],
  place: str,
  names: Sequence[str],
  columns: Sequence[str],
) -> None:
  # The csv module has None for what the header or the row lacks.
  if None in row or None in row.values():
    raise ValueError(
      f'{place}: expected {len(names)} fields, as in the first line.'
    )
  empty = [name for name in columns if not row[name].strip()]
  if empty:
    raise ValueError(f'{place}: expected a value in {", ".join(empty)}.')


def _text(path: pathlib.Path) -> str:
  content = path.read_bytes()
  try:
    return content.decode('utf-8-sig')
  except UnicodeDecodeError as error:
    line = content.count(b'\n', 0, error.start)
    raise ValueError(
      f'{path}: not UTF-8 after line {line}. Save it as UTF-8.'
    ) from error


def write(path: pathlib.Path, rows: Sequence[Mapping[str, str]]) -> None:
  """Writes rows, with the columns of the first one."""
  text = io.StringIO()
  writer = csv.DictWriter(text, list(rows[0]), lineterminator='\n')
  writer.writeheader()
  writer.writerows(rows)
  files.write(epath.Path(path), text.getvalue().encode())
