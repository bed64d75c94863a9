# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Collects a table or figure of the paper as CSV, markdown page and picture.

It works at any time; runs that are not finished are marked as such.
"""

from collections.abc import Mapping, Sequence
import dataclasses
import importlib
import os
import pathlib
from typing import TYPE_CHECKING, Any

from etils import epath
from matplotlib import figure as mpl_figure
import pandas as pd

from bit_covid.analysis import figures
from bit_covid.analysis import predictions
from bit_covid.analysis import published
from bit_covid.base import files as files_lib
from bit_covid.paper import grid
from bit_covid.paper import markdown
from bit_covid.paper import marks
from bit_covid.paper import results
from bit_covid.paper import rows as rows_lib
from bit_covid.paper import scales

if TYPE_CHECKING:
  import input_pipeline


@dataclasses.dataclass(frozen=True)
class Request:
  """What an item is collected from.

  `splits` lacks those that are not available. `sweeps` says whether Figure 6
  shows only the paper's two sweeps.
  """

  runs: results.Runs
  scale: scales.Scale
  splits: Mapping[str, 'input_pipeline.Examples']
  sweeps: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Collected:
  """A collected item: rows of the CSV in full precision, page and picture."""

  title: str
  records: Sequence[Mapping[str, Any]]
  tables: Sequence[markdown.Table]
  notes: Sequence[str]
  figure: mpl_figure.Figure


class MissingError(Exception):
  """There is no result yet; the message is the reason."""


def without_result(title: str, reason: str) -> Collected:
  """Returns an item that says in words why there is no result yet."""
  return Collected(
    title=title,
    records=[{'kind': rows_lib.OURS, 'status': reason}],
    tables=[],
    notes=[reason],
    figure=marks.message(reason),
  )


def predictions_of(runs: results.Runs, run: grid.Run) -> pd.DataFrame:
  """Returns the predictions table of a run on test.

  Raises:
    MissingError: the run is not finished or has not predicted the split.
  """
  table = runs.table(run, 'test')
  if table is None:
    status = runs.status(run, 'test')
    raise MissingError(f'{run.initialisation}, seed {run.seed}: {status}.')
  return table


def collect(
  item: str,
  workdir: str | os.PathLike[str],
  *,
  scale: scales.Scale,
  seeds: int = 1,
  few_shot_seeds: int = 5,
  sweeps: bool = False,
  live: Mapping[str, str | os.PathLike[str]] | None = None,
  splits: Mapping[str, 'input_pipeline.Examples'] | None = None,
) -> list[pathlib.Path]:
  """Returns the paths of WORKDIR/<item>.csv, .md and .png after writing them.

  The runs lie in WORKDIR/runs/<run.name>; see `grid.runs` for `seeds`,
  `few_shot_seeds` and `sweeps`. `live` are work directories of other systems on
  the same slices, by name. Figures 2 and 9 show the splits, and Figure 8 counts
  their patients.

  Raises:
    ValueError: the item is unknown, or runs of an item are of other slices.
  """
  if item not in grid.ITEMS:
    known = ', '.join(grid.ITEMS)
    raise ValueError(f'Unknown item {item!r}; expected one of {known}.')
  expected = grid.runs(
    [item], seeds=seeds, few_shot_seeds=few_shot_seeds, sweeps=sweeps
  )
  runs = results.Runs(workdir, expected, live=live or {})
  request = Request(runs, scale, splits or {}, sweeps)
  # By name: only Figure 9 has to load JAX, and only 2 and 8 TensorFlow.
  module = importlib.import_module(f'bit_covid.paper.items.{item}')
  return _write(item, request, module.make(request))


def _write(
  item: str, request: Request, content: Collected
) -> list[pathlib.Path]:
  folder = pathlib.Path(request.runs.workdir)
  folder.mkdir(parents=True, exist_ok=True)
  marks.caution(content.figure, request.scale.caution)
  files = {
    'csv': _csv(content.records, request.scale).encode(),
    'md': _page(item, request, content).encode(),
    'png': figures.png(content.figure),
  }
  for ending, text in files.items():
    files_lib.write(epath.Path(folder / f'{item}.{ending}'), text)
  return [folder / f'{item}.{ending}' for ending in files]


def _csv(records: Sequence[Mapping[str, object]], scale: scales.Scale) -> str:
  """Returns the CSV of records; ours get the scale and its caution."""
  of_ours = {'scale': scale.name, 'caution': scale.caution}
  of_others = dict.fromkeys(of_ours, '')
  whole = [
    {**x, **(of_others if x['kind'] == rows_lib.PUBLISHED else of_ours)}
    for x in records
  ]
  table = pd.DataFrame(whole)
  for name in table:
    values = [record.get(name) for record in whole]
    # pandas makes a column with gaps float, so 25658 would become 25658.0.
    if {type(value) for value in values} == {int, type(None)}:
      table[name] = pd.array(values, 'Int64')
  return predictions.to_csv(table)


def _page(item: str, request: Request, content: Collected) -> str:
  """Returns the markdown page."""
  parts = [f'# {content.title}']
  if request.scale.caution:
    parts.append(f'> **{request.scale.caution}**')
  parts.append(f'![{content.title}]({item}.png)')
  for table in content.tables:
    parts += [f'## {table.title}', table.render()]
  notes = [*_progress(request.runs), *content.notes]
  parts.append('\n'.join(f'- {note}' for note in notes))
  return '\n\n'.join(parts) + '\n'


def _progress(runs: results.Runs) -> list[str]:
  """Returns how many runs are finished, and their data if it is another."""
  count = len(runs.expected)
  if not count:
    return []
  notes = [f'{runs.num_finished} of {count} run{"s" * (count != 1)} finished.']
  names = runs.data_names()
  if names and names != [published.DATASET]:
    notes.append(
      f'Our runs are of {", ".join(names)}, the published numbers of '
      f'{published.DATASET}.'
    )
  return notes
