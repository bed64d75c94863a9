# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Reads a CSV that lists the user's own images.

Each line is an image. The columns are `path` (relative to the CSV), `label` and
`split`, and optionally `patient`, `source` and the box `xmin`, `ymin`, `xmax`,
`ymax` in pixels, end exclusive.
"""

import collections
from collections.abc import Iterator, Mapping, Sequence
import csv
import pathlib
import re

from input_pipeline import listed_images
from input_pipeline import names

_BOX = ('xmin', 'ymin', 'xmax', 'ymax')
_REQUIRED = ('path', 'label', 'split')
_OPTIONAL = ('patient', 'source', *_BOX)
# A text that a spreadsheet would take for a formula, behind an apostrophe, as
# `bit_covid.base.csv_file` writes it.
_ESCAPED = re.compile(r"'+[=+\-@\t\r\n]")


def read(
  path: pathlib.Path, split: str
) -> tuple[tuple[str, ...], list[listed_images.ListedImage]]:
  """Returns the class names of all splits, and the images of one split.

  Raises:
    ValueError: `read_all` raises it, or there is no such split.
  """
  class_names, images = read_all(path)
  if split not in images:
    raise ValueError(
      f'There is no split {split!r} in {path}; it has {sorted(images)}.'
    )
  return class_names, images[split]


def read_all(
  path: pathlib.Path, *, check_patients: bool = True
) -> tuple[tuple[str, ...], dict[str, list[listed_images.ListedImage]]]:
  """Returns the class names, and the images of each split.

  With `check_patients`, a patient in several splits is an error. An audit
  reports such patients instead.

  Raises:
    ValueError: a line is invalid. The message begins with file and line number.
  """
  splits: dict[str, list[listed_images.ListedImage]] = {}
  # Where each name occurs first.
  slices, labels, split_names, patients = {}, {}, {}, {}
  for place, row in _read_rows(path):
    image = _parse_row(row, place, path.parent)
    first = slices.setdefault(image.slice_id, place)
    if first != place:
      raise ValueError(f'{place}: {image.slice_id!r} is already in {first}.')
    labels.setdefault(image.label, place)
    split_names.setdefault(row['split'], place)
    patients.setdefault(row.get('patient', ''), place)
    splits.setdefault(row['split'], []).append(image)
  names.check_names('label', labels)
  names.check_names('split', split_names)
  names.check_spellings('patient', patients)
  if check_patients:
    names.check_patients(splits)
  return listed_images.order_classes(labels), splits


def _read_rows(path: pathlib.Path) -> Iterator[tuple[str, dict[str, str]]]:
  # 'file:line' and the fields of each line by column.
  # utf-8-sig skips the byte order mark that spreadsheets write.
  with path.open(newline='', encoding='utf-8-sig') as file:
    reader = csv.reader(file, strict=True)
    # The line on which a row begins, as cells may have line breaks.
    line = 1
    try:
      columns = next(reader, [])
      _check_columns(columns, path)
      line = reader.line_num + 1
      for fields in reader:
        place = f'{path}:{line}'
        if len(fields) != len(columns):
          raise ValueError(
            f'{place}: {len(fields)} fields; expected {len(columns)}, as in '
            'the first line.'
          )
        texts = (x[1:] if _ESCAPED.match(x) else x for x in fields)
        yield place, dict(zip(columns, texts, strict=True))
        line = reader.line_num + 1
    except UnicodeDecodeError as error:
      raise ValueError(
        f'{path}: not UTF-8 after line {reader.line_num}. Save it as UTF-8.'
      ) from error
    except csv.Error as error:
      raise ValueError(
        f'{path}:{line}: a quotation mark is missing or stands in the middle '
        f'of a field, or a field has more than {csv.field_size_limit():,} '
        'characters.'
      ) from error


def _check_columns(columns: Sequence[str], path: pathlib.Path) -> None:
  missing = [name for name in _REQUIRED if name not in columns]
  unknown = [name for name in columns if name not in _REQUIRED + _OPTIONAL]
  counts = collections.Counter(columns)
  twice = [name for name in counts if counts[name] > 1]
  if missing or unknown or twice:
    raise ValueError(
      f'{path}:1: columns missing: {missing}, not known: {unknown}, twice: '
      f'{twice}. Expected {", ".join(_REQUIRED)}, and if you have them '
      f'{", ".join(_OPTIONAL)}, with commas between them.'
    )


def _parse_row(
  row: Mapping[str, str], place: str, root: pathlib.Path
) -> listed_images.ListedImage:
  for name in _REQUIRED:
    if not row[name]:
      raise ValueError(f'{place}: the column {name!r} is empty.')
  for name, value in row.items():
    # Otherwise 'NCP ' would become a class of its own beside 'NCP'.
    if value != value.strip():
      raise ValueError(
        f'{place}: {value!r} in the column {name!r} begins or ends with a '
        'blank.'
      )
  path = pathlib.PurePosixPath(row['path'].replace('\\', '/'))
  if path.is_absolute() or '..' in path.parts or '\0' in row['path']:
    raise ValueError(
      f'{place}: {row["path"]!r}; expected a path relative to the CSV that '
      'stays in its folder. Move the CSV beside the images.'
    )
  return listed_images.ListedImage(
    file=str(root / path),
    place=place,
    slice_id=str(path),
    label=row['label'],
    patient_id=row.get('patient') or str(path),
    source=row.get('source', ''),
    box=_parse_box([row.get(name, '') for name in _BOX], place),
  )


def _parse_box(corners: list[str], place: str) -> tuple[int, int, int, int]:
  if not any(corners):
    return listed_images.NO_BOX
  if not all(corner.isdecimal() for corner in corners):
    raise ValueError(
      f'{place}: the box {corners} (xmin, ymin, xmax, ymax); expected four '
      'whole numbers, or none.'
    )
  xmin, ymin, xmax, ymax = map(int, corners)
  if not (xmin < xmax and ymin < ymax):
    raise ValueError(
      f'{place}: the box {corners} is empty or inverted; expected xmin < xmax '
      'and ymin < ymax.'
    )
  return xmin, ymin, xmax, ymax
