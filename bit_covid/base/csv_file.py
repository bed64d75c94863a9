# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""CSV files that people open, whose errors are reported by file and line.

A spreadsheet takes a cell that begins with one of `= + - @` or white space for
a formula, and runs it. Texts that do are written behind an apostrophe, which is
taken away again when they are read. Numbers are left as they are.
"""

from collections.abc import Iterator, Mapping, Sequence
import csv
import io
import pathlib
import re

from etils import epath

from bit_covid.base import files

# With apostrophes before it, so that reading gives what was written.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")
_ESCAPED = re.compile(f"'{_FORMULA.pattern}")


def escaped(text: str) -> str:
  """Returns a text as a cell that no spreadsheet takes for a formula."""
  return f"'{text}" if _FORMULA.match(text) else text


def unescaped(cell: str) -> str:
  """Returns the text that `escaped` made the cell of."""
  return cell[1:] if _ESCAPED.match(cell) else cell


def read(
  path: pathlib.Path, columns: Sequence[str], *, allow_others: bool = False
) -> dict[str, dict[str, str]]:
  """Returns the rows of a CSV by their place, such as 'labels.csv:2'.

  The place is the line on which a row begins, as cells may have line breaks.

  Args:
    path: of the file.
    columns: each must exist and hold a value in every row.
    allow_others: whether the file may have other columns, too.

  Raises:
    ValueError: a column or a value is missing, there are no rows, or the file
      is not a CSV in UTF-8.
  """
  rows = {}
  records = _records(path)
  _, names = next(records, ('', []))
  if not _is_header(names, columns, allow_others=allow_others):
    raise ValueError(
      f'{path}:1: the columns are {", ".join(map(repr, names))}; expected '
      f'{", ".join(columns)}, each once, and none without a name.'
    )
  for place, fields in records:
    if len(fields) != len(names):
      raise ValueError(
        f'{place}: expected {len(names)} fields, as in the first line.'
      )
    rows[place] = row = dict(zip(names, fields, strict=True))
    empty = [name for name in columns if not row[name].strip()]
    if empty:
      raise ValueError(f'{place}: expected a value in {", ".join(empty)}.')
  if not rows:
    raise ValueError(f'{path} has no row below its header.')
  return rows


def _records(path: pathlib.Path) -> Iterator[tuple[str, list[str]]]:
  reader = csv.reader(io.StringIO(_text(path), newline=''), strict=True)
  while True:
    place = f'{path}:{reader.line_num + 1}'
    try:
      fields = next(reader, None)
    except csv.Error as error:
      raise ValueError(
        f'{place}: a quotation mark is missing or stands in the middle of a '
        f'field, or a field has more than {csv.field_size_limit():,} '
        'characters.'
      ) from error
    if fields is None:
      return
    if fields:  # Not a blank line.
      yield place, list(map(unescaped, fields))


def _is_header(
  names: Sequence[str], columns: Sequence[str], *, allow_others: bool
) -> bool:
  has_others = len(names) > len(columns)
  is_unique = len(set(names) - {''}) == len(names)
  has_all = set(columns).issubset(names)
  return has_all and is_unique and (allow_others or not has_others)


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
  table = [[row[name] for name in rows[0]] for row in rows]
  cells = [list(map(escaped, fields)) for fields in ([*rows[0]], *table)]
  # The csv module leaves a carriage return unquoted if lines end otherwise.
  is_odd = any('\r' in cell for fields in cells for cell in fields)
  text = io.StringIO()
  csv.writer(
    text,
    lineterminator='\n',
    quoting=csv.QUOTE_ALL if is_odd else csv.QUOTE_MINIMAL,
  ).writerows(cells)
  files.write(epath.Path(path), text.getvalue().encode())
