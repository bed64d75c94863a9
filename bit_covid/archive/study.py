# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A study of an archive: files that are scored together."""

from collections.abc import Iterable, Sequence
import csv
import dataclasses
import io
import pathlib
import zlib

from etils import epath

from bit_covid.base import csv_file
from bit_covid.base import files

_COLUMNS = ('study', 'path')


# It does not show its attributes, as Dask may print what a task is given.
@dataclasses.dataclass(frozen=True, repr=False)
class Study:
  """Files that are scored together, such as a series of a patient.

  Attributes:
    id: what tells it from others.
    paths: of its files, or of folders of them.
  """

  id: str
  paths: Sequence[str]

  def part(self, num_parts: int) -> int:
    """Returns in which part of the results it is."""
    return zlib.crc32(self.id.encode()) % num_parts


def read(path: pathlib.Path) -> list[Study]:
  """Returns the studies in a CSV with the columns study and path.

  Rows with one study belong together. Paths are relative to the CSV's folder.

  Raises:
    ValueError: it is no such CSV. The message names the line.
  """
  found: dict[str, list[str]] = {}
  for row in csv_file.read(path, _COLUMNS, allow_others=True).values():
    place = path.absolute().parent / row['path']
    found.setdefault(row['study'], []).append(str(place))
  return [Study(*x) for x in found.items()]


def write(path: pathlib.Path, studies: Iterable[Study]) -> None:
  """Writes studies for `read`, as a CSV that only its owner may read.

  Raises:
    ValueError: the name of a file is not UTF-8.
  """
  text = io.StringIO()
  writer = csv.writer(text, lineterminator='\n')
  writer.writerow(_COLUMNS)
  for study in studies:
    writer.writerows((study.id, csv_file.escaped(x)) for x in study.paths)
  try:
    content = text.getvalue().encode()
  except UnicodeEncodeError as error:
    raise ValueError(
      f'The name {error.object[error.start - 40 : error.end + 20]!r} of a file '
      'is not UTF-8; rename it, or give the folder in the place of the CSV.'
    ) from error
  files.write(epath.Path(path), content, is_private=True)
