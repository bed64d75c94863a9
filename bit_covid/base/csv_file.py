# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""CSV files that users write, whose errors are reported by file and line."""

from collections.abc import Mapping, Sequence
import csv
import pathlib


def read(
  path: pathlib.Path, columns: Sequence[str], *, allow_others: bool = False
) -> dict[str, dict[str, str]]:
  """Returns the rows of a CSV by their place, such as 'labels.csv:2'.

  Args:
    path: of the file.
    columns: each must exist and hold a value in every row.
    allow_others: whether the file may have other columns, too.

  Raises:
    ValueError: a column or a value is missing, or there are no rows.
  """
  rows = {}
  with path.open(newline='', encoding='utf-8-sig') as file:
    reader = csv.DictReader(file, strict=True)
    try:
      names = set(reader.fieldnames or ())
      if not names.issuperset(columns) or (
        len(names) > len(columns) and not allow_others
      ):
        raise ValueError(
          f'{path}:1: the columns are {reader.fieldnames}; expected '
          f'{", ".join(columns)}.'
        )
      for row in reader:
        place = f'{path}:{reader.line_num}'
        if None in row or not all((row[x] or '').strip() for x in columns):
          raise ValueError(
            f'{place}: expected a value in each of {", ".join(columns)}, and '
            'no more.'
          )
        rows[place] = row
    except csv.Error as error:
      raise ValueError(f'{path}:{reader.line_num}: {error}') from error
  if not rows:
    raise ValueError(f'{path} has no row below its header.')
  return rows


def write(path: pathlib.Path, rows: Sequence[Mapping[str, str]]) -> None:
  """Writes rows, with the columns of the first one."""
  with path.open('w', newline='', encoding='utf-8') as file:
    writer = csv.DictWriter(file, list(rows[0]), lineterminator='\n')
    writer.writeheader()
    writer.writerows(rows)
