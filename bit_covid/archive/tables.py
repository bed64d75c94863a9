# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The tables of `bit-covid predict` as Parquet, in shards."""

from collections.abc import Mapping, Sequence
import io
import pathlib

from etils import epath
import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from bit_covid.base import files
from bit_covid.scoring import scan_result
from bit_covid.scoring import scored_rows
from bit_covid.scoring import tables as tables_lib
from input_pipeline import scans

# Studies of a shard.
_SHARD = 100
# Columns that are no text; the probabilities, p_CLASS, are numbers too.
_TYPES = {
  'slices': pa.int64(),
  'counted': pa.int64(),
  'unanimous': pa.bool_(),
  'similar': pa.int64(),
  'similar_right': pa.int64(),
  'right_low': pa.float64(),
  'right_high': pa.float64(),
  'distance': pa.float64(),
  'label': pa.int64(),
  'number': pa.int64(),
  'position_mm': pa.float64(),
  'counts': pa.bool_(),
}


def of_result(result: scan_result.ScanResult) -> dict[str, pa.Table]:
  """Returns the tables of a scan by name, as `predict` writes them."""
  found = scored_rows.tables([result], result.class_names)
  return {name: _to_arrow(table) for name, table in found.items()}


def of_refused(refused: Sequence[scans.Refused]) -> dict[str, pa.Table]:
  """Returns the table of refused files by its name."""
  return {'refused': _to_arrow(tables_lib.refused_table(refused))}


def write(path: pathlib.Path, table: pa.Table) -> None:
  """Writes a table; a reader never meets half of it."""
  path.parent.mkdir(parents=True, exist_ok=True)
  content = io.BytesIO()
  parquet.write_table(table, content)
  files.write(epath.Path(path), content.getvalue())


class Shards:
  """Collects tables and writes `TABLE/SHARD.parquet` once it has enough."""

  def __init__(self, folder: pathlib.Path):
    self._folder = folder
    self._tables: dict[str, list[pa.Table]] = {}
    self._studies = 0
    self._number = 0

  def add(self, study: Sequence[Mapping[str, pa.Table]]) -> None:
    """Adds the tables of a study, all of which are in one shard."""
    for tables in study:
      for name, table in tables.items():
        self._tables.setdefault(name, []).append(table)
    self._studies += 1
    if self._studies == _SHARD:
      self.write()

  def write(self) -> None:
    """Writes what was added since the last shard."""
    # Scans come last: a shard that has them is complete.
    for name in sorted(self._tables, key=lambda x: x == 'scans'):
      table = pa.concat_tables(self._tables[name])
      if table.num_rows:
        path = self._folder / name / f'{self._number:05d}.parquet'
        write(path, table)
    self._tables.clear()
    self._studies = 0
    self._number += 1


def _to_arrow(table: pd.DataFrame) -> pa.Table:
  schema = pa.schema({name: _type(name) for name in table.columns})
  return pa.Table.from_pandas(table, schema, preserve_index=False)


def _type(column: str) -> pa.DataType:
  is_probability = column.startswith('p_')
  return pa.float64() if is_probability else _TYPES.get(column, pa.string())
