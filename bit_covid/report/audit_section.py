# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The section on the audit, from the files that `bit-covid audit` wrote."""

from collections.abc import Mapping, Sequence
import pathlib
from typing import Any

from bit_covid.analysis import figures
from bit_covid.base import files
from bit_covid.report import blocks

# Where `bit-covid audit --run=RUN` writes, and where evaluations are noted.
_AUDIT = 'audit/audit.json'
_LEDGER = 'test_ledger.jsonl'
# The check whose table stands in the report, too.
_EXTERNAL = 'External data'


def blocks_of(workdir: pathlib.Path, split: str) -> list[blocks.Block]:
  """Returns how often the split was looked at, and the findings of the audit.

  The list is empty if the folder holds neither.

  Raises:
    ValueError: a file is damaged; the message names it.
  """
  return [*_looks(workdir, split), *_findings(workdir)]


def _looks(workdir: pathlib.Path, split: str) -> list[blocks.Block]:
  rows = files.read_json_lines(workdir / _LEDGER)
  networks = {x.get('checkpoint') for x in rows if x.get('split') == split}
  if not networks:
    return []
  count = figures.plural(len(networks), 'network')
  return [blocks.Text(f'Evaluated on {split}: {count} of this run.')]


def _findings(workdir: pathlib.Path) -> list[blocks.Block]:
  content = files.read_json(workdir / _AUDIT)
  if content is None:
    return []
  rows = [
    [
      blocks.Cell(found['check']),
      blocks.Cell(found['severity'].lower()),
      blocks.Cell(f'{found["text"]} {found.get("advice") or ""}'.strip()),
    ]
    for found in content['findings']
  ]
  table = blocks.Table(
    f'What the audit found; tables and pictures are in {_AUDIT[:-4]}html',
    ['Check', 'Result', 'What was found'],
    rows,
  )
  return [table, *_external(content['findings'])]


def _external(findings: Sequence[Mapping[str, Any]]) -> list[blocks.Table]:
  """Returns the table of the results on external data, if there are any."""
  return [
    blocks.Table(
      'Results on data of other origin beside those of the run',
      list(found['table'][0]),
      [blocks.cells(*row.values()) for row in found['table']],
    )
    for found in findings
    if found['check'] == _EXTERNAL and found.get('table')
  ]
