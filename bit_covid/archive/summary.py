# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What the results of an archive hold, in numbers that add up."""

import collections
import pathlib

import pyarrow as pa
from pyarrow import compute
from pyarrow import parquet

from bit_covid.archive import parts as parts_lib
from bit_covid.base import lines

# Parts that are named; of more, only the number is said.
_NAMED = 20


def say(folder: pathlib.Path) -> bool:
  """Returns whether there are scans and none had an error, and says all counts.

  They are those of the parts that are complete. The others are named.

  Raises:
    ValueError: the folder holds no results.
  """
  parts = parts_lib.Parts(folder)
  done, missing = sorted(parts.done()), parts.missing()
  if missing:
    named = ', '.join(map(str, missing[:_NAMED]))
    lines.say(
      f'Parts: {len(done):,} of {parts.count:,}. Missing: {named}'
      f'{", ..." if len(missing) > _NAMED else "."} The same command does them.'
    )
  return bool(done) and _say_counts(folder, done, parts.studies)


def _say_counts(
  folder: pathlib.Path, done: list[int], num_studies: int
) -> bool:
  studies = _table(folder, done, 'studies')
  columns = ['scan_id', 'slices', 'counted', 'verdict']
  # Each scan once, though it has a row for each aggregation method.
  rows = _table(folder, done, 'scans', columns)
  scans = rows.group_by(columns).aggregate([])
  failed = _sum(compute.not_equal(studies['error'], ''))
  given, used = _sum(studies['files']), _sum(studies['files_used'])
  slices, counted = _sum(scans['slices']), _sum(scans['counted'])
  verdicts = collections.Counter(scans['verdict'].to_pylist())
  named = ', '.join(f'{name} {n:,}' for name, n in sorted(verdicts.items()))
  for text in (
    f'Studies: {studies.num_rows:,} of {num_studies:,}. Not scored, or not '
    f'wholly, because of an error: {failed:,}.',
    f'Files given: {given:,}. In scans: {used:,}. In none: {given - used:,}.',
    f'Scans: {scans.num_rows:,} ({named or "none"}).',
    f'Slices: {slices:,}. Of these count: {counted:,}. Do not count: '
    f'{slices - counted:,}.',
  ):
    lines.say(text)
  if repeated := _sum(studies['scans']) - scans.num_rows:
    lines.say(
      'Scans given in another place or form as well, with equal rows for each: '
      f'{repeated:,}.'
    )
  return bool(scans.num_rows) and not failed


def _table(
  folder: pathlib.Path,
  done: list[int],
  name: str,
  columns: list[str] | None = None,
) -> pa.Table:
  paths = [folder / name / f'{x:05d}.parquet' for x in done]
  return pa.concat_tables(parquet.read_table(x, columns=columns) for x in paths)


def _sum(values: pa.ChunkedArray) -> int:
  return compute.sum(values).as_py() or 0
