# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What the results of an archive hold, in numbers that add up."""

import collections
from collections.abc import Mapping
import pathlib
from typing import NamedTuple

import pyarrow as pa
from pyarrow import compute
from pyarrow import parquet

from bit_covid.archive import parts as parts_lib
from bit_covid.base import lines

# Parts that are named; of more, only the number is said.
_NAMED = 20


class Counts(NamedTuple):
  """The numbers of the parts that are complete.

  Attributes:
    parts: of the archive, complete or not.
    missing: the numbers of those that are not.
    all_studies: of the archive.
    studies: in the parts that are complete.
    failed: of these, those that were not scored for an error, or not wholly.
    files: given in these studies.
    files_used: of these, those in scans; the others are refused.
    scans: found in these studies, each once.
    repeated: scans that were given in another form or place, too.
    slices: of the scans.
    counted: slices that count.
    verdicts: number of scans by the verdict on them.
  """

  parts: int
  missing: list[int]
  all_studies: int
  studies: int
  failed: int
  files: int
  files_used: int
  scans: int
  repeated: int
  slices: int
  counted: int
  verdicts: Mapping[str, int]


def read(folder: pathlib.Path) -> Counts:
  """Returns the counts of the results in a folder.

  Raises:
    ValueError: it has none.
  """
  parts = parts_lib.Parts(folder)
  done, missing = sorted(parts.done()), parts.missing()
  if not done:
    return Counts(parts.count, missing, parts.studies, *[0] * 8, {})
  studies = _table(folder, done, 'studies')
  columns = ['scan_id', 'slices', 'counted', 'verdict']
  rows = _table(folder, done, 'scans', columns)
  # Of each scan there is a row for each aggregation method.
  scans = rows.group_by(columns).aggregate([])
  return Counts(
    parts=parts.count,
    missing=missing,
    all_studies=parts.studies,
    studies=studies.num_rows,
    failed=_sum(compute.not_equal(studies['error'], '')),
    files=_sum(studies['files']),
    files_used=_sum(studies['files_used']),
    scans=scans.num_rows,
    repeated=_sum(studies['scans']) - scans.num_rows,
    slices=_sum(scans['slices']),
    counted=_sum(scans['counted']),
    verdicts=collections.Counter(scans['verdict'].to_pylist()),
  )


def say(counts: Counts) -> None:
  """Prints the counts."""
  c = counts
  lines.say(
    f'Studies: {c.studies:,} of {c.all_studies:,}. Not scored, or not wholly, '
    f'because of an error: {c.failed:,}.'
  )
  lines.say(
    f'Files given: {c.files:,}. In scans: {c.files_used:,}. In none: '
    f'{c.files - c.files_used:,}.'
  )
  verdicts = ', '.join(f'{x} {n:,}' for x, n in sorted(c.verdicts.items()))
  lines.say(f'Scans: {c.scans:,} ({verdicts or "none"}).')
  if c.repeated:
    lines.say(
      f'Scans that were given in several forms, with equal rows for each: '
      f'{c.repeated:,}.'
    )
  lines.say(
    f'Slices: {c.slices:,}. Of these count: {c.counted:,}. Do not count: '
    f'{c.slices - c.counted:,}.'
  )
  if c.missing:
    named = ', '.join(map(str, c.missing[:_NAMED]))
    more = ', ...' if len(c.missing) > _NAMED else ''
    lines.say(
      f'Parts: {c.parts - len(c.missing):,} of {c.parts:,}. Missing: '
      f'{len(c.missing):,}, namely {named}{more}. The same command does the '
      'rest.'
    )


def _table(
  folder: pathlib.Path,
  done: list[int],
  name: str,
  columns: list[str] | None = None,
) -> pa.Table:
  found = [
    parquet.read_table(folder / name / f'{x:05d}.parquet', columns=columns)
    for x in done
  ]
  return pa.concat_tables(found)


def _sum(values: pa.ChunkedArray) -> int:
  return compute.sum(values).as_py() or 0
