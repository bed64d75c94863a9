# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The tables of `bit-covid predict` as Parquet."""

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
  'files': pa.int64(),
  'files_used': pa.int64(),
  'scans': pa.int64(),
}
# A row for each study: its files, how many are in scans, its scans, and the
# error that kept it, or one of its scans, from being scored.
_STUDIES = ('files', 'files_used', 'scans', 'error')


def of_study(
  results: Sequence[scan_result.ScanResult],
  found: scans.Found,
  class_names: tuple[str, ...],
  error: str = '',
) -> dict[str, pa.Table]:
  """Returns the tables of a study by name, most of them as in `predict`.

  Args:
    results: of all its scans.
    found: its scans and files.
    class_names: of the network.
    error: name of what kept it, or a scan of it, from being scored.
  """
  row = (found.num_files, found.num_used, len(results), error)
  scored: dict[str, pd.DataFrame] = {
    **scored_rows.tables(list(results), class_names),
    'refused': tables_lib.refused_table(found.refused),
    'studies': pd.DataFrame([row], columns=[*_STUDIES]),
  }
  return {name: _to_arrow(table) for name, table in scored.items()}


def join(
  studies: Sequence[Mapping[str, pa.Table]], class_names: tuple[str, ...]
) -> dict[str, pa.Table]:
  """Returns the tables of several studies, or empty ones of none."""
  columns = of_study([], scans.Found([], []), class_names)
  return {
    name: pa.concat_tables([table[:0], *(x[name] for x in studies)])
    for name, table in columns.items()
  }


def write(path: pathlib.Path, table: pa.Table) -> None:
  """Writes a table; a reader never meets half of it."""
  path.parent.mkdir(parents=True, exist_ok=True)
  content = io.BytesIO()
  parquet.write_table(table, content)
  files.write(epath.Path(path), content.getvalue())


def _to_arrow(table: pd.DataFrame) -> pa.Table:
  schema = pa.schema({name: _type(name) for name in table.columns})
  return pa.Table.from_pandas(table, schema, preserve_index=False)


def _type(column: str) -> pa.DataType:
  is_probability = column.startswith('p_')
  return pa.float64() if is_probability else _TYPES.get(column, pa.string())
