# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a call keeps of a scan once its page is written.

The tables and the overview of all scans are made of these texts alone. So
memory does not grow with the pictures of the scans, and a call that was
interrupted ends with the same files as one that was not.
"""

from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd

from bit_covid.analysis import predictions
from bit_covid.scoring import index
from bit_covid.scoring import scan_result
from bit_covid.scoring import tables as tables_lib


class ScoredRows(NamedTuple):
  """The part of a scan in the files of a call.

  Attributes:
    tables: CSV text with a header, by the name of the table.
    row: of the overview, HTML.
    num_slices: of the scan.
    num_counted: how many of them count.
    has_result: whether there are probabilities.
    lacks_files: whether files that were asked for could not be written.
  """

  tables: Mapping[str, str]
  row: str
  num_slices: int
  num_counted: int
  has_result: bool
  lacks_files: bool = False


def of_result(result: scan_result.ScanResult) -> ScoredRows:
  """Returns what is kept of a result."""
  return ScoredRows(
    {
      name: predictions.to_csv(table)
      for name, table in tables([result], result.class_names).items()
    },
    index.row(result),
    len(result.slices),
    result.num_used,
    bool(result.scan_probabilities),
  )


def join(
  scored: list[ScoredRows], class_names: tuple[str, ...]
) -> dict[str, str]:
  """Returns the CSV text of each table, with the rows of all scans."""
  joined = {}
  for name, empty in tables([], class_names).items():
    parts = [x.tables[name] for x in scored]
    # Each has the same first line.
    header = parts[0].splitlines(keepends=True)[0] if parts else ''
    rows = ''.join(x.removeprefix(header) for x in parts)
    joined[name] = header + rows if parts else predictions.to_csv(empty)
  return joined


def tables(
  results: list[scan_result.ScanResult], class_names: tuple[str, ...]
) -> dict[str, pd.DataFrame]:
  """Returns the tables with the rows of these scans, by name."""
  return {
    'scans': tables_lib.scans_table(results, class_names),
    'predictions': tables_lib.predictions_table(results, class_names),
    'slices': tables_lib.slices_table(results),
  }
