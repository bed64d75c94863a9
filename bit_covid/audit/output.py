# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Prints findings, and writes them as JSON and as an HTML page."""

import base64
from collections import Counter
from collections.abc import Sequence
import json
import pathlib
from typing import Any

from etils import epath
import pandas as pd

from bit_covid.analysis import figures
from bit_covid.analysis import terminal
from bit_covid.audit import finding
from bit_covid.base import files
from bit_covid.base import page_templates

# Columns of text in the tables of findings. The first is text, too; all others
# are numbers.
_TEXT_COLUMNS = ('Source', 'Looks like', 'Class', 'Trained')
_TEMPLATES = pathlib.Path(__file__).parent / 'templates'


def headline(name: str, table: pd.DataFrame) -> str:
  """Returns a sentence on the size of the data set."""
  splits = Counter(table['split'])
  parts = ', '.join(f'{split} {count:,}' for split, count in splits.items())
  return f'{name}: {figures.counts(table)} ({parts}).'


def show(text: str, findings: Sequence[finding.Finding]) -> None:
  """Prints the findings, then the numbers behind them."""
  view = terminal.new_text_table('Result', 'Check', 'What was found')
  for each in findings:
    terminal.add_row(view, each.severity, each.check, _with_advice(each))
  parts: list[str | terminal.Table] = [text, view]
  for each in findings:
    if each.table is not None:
      parts += [each.check, _view(each.table)]
  terminal.show(*parts)


def write(
  folder: pathlib.Path,
  text: str,
  findings: Sequence[finding.Finding],
  facts: dict[str, Any],
  *,
  name: str = 'audit',
) -> pathlib.Path:
  """Returns the path of the page, which needs no internet connection.

  Args:
    folder: is created.
    text: of `headline`.
    findings: of all checks.
    facts: of the data set, for the JSON file.
    name: of both files, before `.json` and `.html`.
  """
  folder.mkdir(parents=True, exist_ok=True)
  content = facts | {'findings': [_record(each) for each in findings]}
  files.write_json(epath.Path(folder / f'{name}.json'), content)
  environment = page_templates.environment(_TEMPLATES)
  page = environment.get_template('audit.html.j2').render(
    text_columns=_TEXT_COLUMNS,
    headline=text,
    file_name=f'{name}.json',
    counts=Counter(each.severity for each in findings),
    findings=[
      (each, None if each.table is None else _cells(each.table))
      for each in findings
    ],
    picture=lambda each: base64.b64encode(each.picture).decode(),
  )
  path = folder / f'{name}.html'
  files.write(epath.Path(path), page.encode())
  return path


def _with_advice(each: finding.Finding) -> str:
  return f'{each.text} {each.advice}'.strip()


def _view(table: pd.DataFrame) -> terminal.Table:
  first, *others = map(str, table.columns)
  view = terminal.new_table(first, others, no_wrap=False)
  for row in _cells(table):
    view.add_row(*row)
  return view


def _cells(table: pd.DataFrame) -> list[list[str]]:
  return [[_cell(x) for x in row] for row in table.itertuples(index=False)]


def _cell(value: object) -> str:
  if isinstance(value, float):
    return f'{value:.1%}'
  return f'{value:,}' if isinstance(value, int) else str(value)


def _record(each: finding.Finding) -> dict[str, Any]:
  fields = ('check', 'severity', 'text', 'advice', 'table', 'ids')
  record = {name: getattr(each, name) for name in fields}
  if each.table is not None:
    # Converted by pandas, since `json` does not know NumPy's numbers.
    record['table'] = json.loads(each.table.to_json(orient='records'))
  return record
