# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The results of an archive, in parts that are complete or not there.

A study is in one part, told by its id. The file of a part in `studies/` is
written last: where it exists, the part is complete.
"""

import collections
from collections.abc import Iterable, Mapping, Sequence
import pathlib
from typing import Any

from etils import epath
import pyarrow as pa

from bit_covid.archive import score_study
from bit_covid.archive import study as study_lib
from bit_covid.archive import tables
from bit_covid.base import files
from bit_covid.scoring import unfinished
from bit_covid.scoring.clinic import patient_key
from input_pipeline.scans import scan

_CALL = 'call.json'
_LAST = 'studies'
# So many parts, or as many as it takes for so many studies each.
_PARTS, _STUDIES = 100, 100


class Parts:
  """The parts of the results in a folder.

  Attributes:
    folder: of the results.
    count: number of parts.
    studies: number of studies in all of them.
  """

  def __init__(self, folder: pathlib.Path):
    """Finds the parts of results that were begun.

    Raises:
      ValueError: the folder holds none, or they are damaged.
    """
    remedy = f'Remove {folder} to start anew.'
    call = files.read_json(epath.Path(folder) / _CALL, remedy=remedy)
    if call is None:
      raise ValueError(
        f'{folder} holds no results of `bit-covid archive predict`, as it has '
        f'no {_CALL}.'
      )
    self.folder = folder
    self.count: int = call['parts']
    self.studies: int = call['studies']
    self._call: Mapping[str, Any] = call

  @classmethod
  def begin(
    cls,
    folder: pathlib.Path,
    call: Mapping[str, Any],
    studies: Sequence[study_lib.Study],
  ) -> 'Parts':
    """Begins results in a new folder, or goes on with those that are there.

    Args:
      folder: of the results.
      call: all that they depend on besides the studies, for JSON.
      studies: all of the archive.

    Returns:
      The parts, some of which may be complete.

    Raises:
      ValueError: the results are those of another call or archive.
    """
    number = max(-(-len(studies) // _STUDIES), min(len(studies), _PARTS), 1)
    found: dict[str, Any] = {
      'parts': number,
      'studies': len(studies),
      'archive': _digest(studies, number),
    }
    path = epath.Path(folder) / _CALL
    # Several processes may begin; they write the same.
    if not path.exists():
      path.parent.mkdir(parents=True, exist_ok=True)
      files.write_json(path, {**found, **call})
    parts = cls(folder)
    if any(parts._call.get(name) != x for name, x in found.items()):
      raise ValueError(
        f'{folder} was begun with another archive, of {parts.studies:,} '
        f'studies; there are {len(studies):,} now, or other files. Name '
        'another --output, or give the files as they were.'
      )
    unfinished.check_same_call(parts._call, {**found, **call}, folder)
    return parts

  def done(self) -> set[int]:
    """Returns the numbers of the parts that are complete."""
    found = (self.folder / _LAST).glob('[0-9]*.parquet')
    return {int(x.stem) for x in found}

  def missing(self) -> list[int]:
    """Returns the numbers of the others."""
    return sorted(set(range(self.count)) - self.done())

  def write(
    self,
    number: int,
    done: Iterable[score_study.Done],
    class_names: tuple[str, ...],
    key: pathlib.Path | None,
  ) -> None:
    """Writes a part.

    Args:
      number: of the part.
      done: the results of its studies, in their order.
      class_names: of the network.
      key: folder for the key, outside of the results.
    """
    done = list(done)
    if key is not None:
      rows = [row for x in done for row in x.key]
      patient_key.write(key / f'{number:05d}.csv', rows)
    joined: dict[str, pa.Table] = tables.join(
      [x.tables for x in done], class_names
    )
    for name in sorted(joined, key=lambda x: x == _LAST):
      path = self.folder / name / f'{number:05d}.parquet'
      tables.write(path, joined[name])


def _digest(studies: Sequence[study_lib.Study], num_parts: int) -> str:
  """Returns a digest of the numbers of studies and files in each part."""
  numbers: collections.Counter[tuple[int, str]] = collections.Counter()
  for study in studies:
    part = study.part(num_parts)
    numbers[part, 'studies'] += 1
    numbers[part, 'files'] += len(study.paths)
  return scan.digest(repr(sorted(numbers.items())).encode())
