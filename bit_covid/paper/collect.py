# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A table or figure of the paper, collected: a CSV, a markdown page, a picture.

    collect('table1', 'runs/paper', scale=scales.SCALES['paper'], seeds=3)

Works at any time: what is not run yet is said to be so.
"""

from collections.abc import Mapping, Sequence
import importlib
import os
import pathlib
from typing import TYPE_CHECKING

from etils import epath
import pandas as pd

from bit_covid.analysis import bootstrap
from bit_covid.analysis import figures
from bit_covid.analysis import published
from bit_covid.base import files as files_lib
from bit_covid.paper import collected
from bit_covid.paper import grid
from bit_covid.paper import markdown
from bit_covid.paper import marks
from bit_covid.paper import results
from bit_covid.paper import rows as rows_lib
from bit_covid.paper import scales

if TYPE_CHECKING:
  import input_pipeline


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
  num_resamples: int = bootstrap.NUM_RESAMPLES,
) -> list[pathlib.Path]:
  """Writes WORKDIR/<item>.csv, .md and .png and returns their paths.

  Args:
    item: a key of `grid.ITEMS`.
    workdir: with the runs, WORKDIR/runs/<run.name>.
    scale: at which they were made.
    seeds: how many runs of each setting there are to be.
    few_shot_seeds: the same where training slices are drawn.
    sweeps: Figure 6 as two sweeps rather than as all combinations.
    live: by its name, the work directory of another system that was run on the
      same slices, such as 'COVID-Net CT-2 L'.
    splits: the data; Figures 2 and 9 show them, Figure 8 counts patients.
    num_resamples: number of resamples of the bootstrap.

  Raises:
    ValueError: there is no such item, or runs that belong together are not of
      the same slices; the message says which.
  """
  if item not in grid.ITEMS:
    raise ValueError(
      f'There is no item {item!r}; the known ones are {", ".join(grid.ITEMS)}.'
    )
  expected = grid.runs(
    [item], seeds=seeds, few_shot_seeds=few_shot_seeds, sweeps=sweeps
  )
  request = collected.Request(
    runs=results.Runs(
      workdir, expected, live=live, num_resamples=num_resamples
    ),
    scale=scale,
    splits=splits or {},
    sweeps=sweeps,
  )
  # By name: only Figure 9 has to wait for JAX, and 2 and 8 for TensorFlow.
  module = importlib.import_module(f'bit_covid.paper.items.{item}')
  return _write(item, request, module.make(request))


def _write(
  item: str, request: collected.Request, content: collected.Collected
) -> list[pathlib.Path]:
  scale = request.scale
  folder = epath.Path(request.runs.workdir)
  folder.mkdir(parents=True, exist_ok=True)
  marks.caution(content.figure, scale.caution)
  page = markdown.render(
    content.title,
    caution=scale.caution,
    picture=f'{item}.png',
    tables=content.tables,
    notes=[*_progress(request), *content.notes],
  )
  files = {
    'csv': _csv(content.records, scale).encode(),
    'md': page.encode(),
    'png': figures.png(content.figure),
  }
  paths = []
  for ending, text in files.items():
    path = folder / f'{item}.{ending}'
    files_lib.write(path, text)
    paths.append(pathlib.Path(path))
  return paths


def _csv(records: Sequence[Mapping[str, object]], scale: scales.Scale) -> str:
  """Returns the records with the scale, and its caution beside our numbers."""
  whole = []
  for record in records:
    is_ours = record['kind'] != rows_lib.PUBLISHED
    whole.append(
      {
        **record,
        'scale': scale.name if is_ours else '',
        'caution': scale.caution if is_ours else '',
      }
    )
  table = pd.DataFrame(whole)
  for name in table:
    values = [record.get(name) for record in whole]
    # With gaps, pandas would make them floats, and 25658 would be 25658.0.
    if {type(value) for value in values} == {int, type(None)}:
      table[name] = pd.array(values, 'Int64')
  return table.to_csv(index=False)


def _progress(request: collected.Request) -> list[str]:
  """Returns how many runs are finished, and of what data they are."""
  runs = request.runs
  if not runs.expected:
    return []
  notes = [
    f'{runs.num_finished} of {len(runs.expected)} '
    f'run{"s" * (len(runs.expected) != 1)} finished.'
  ]
  names = runs.data_names()
  if names and names != [published.DATASET]:
    notes.append(
      f'Our runs are of {", ".join(names)}, the published numbers of '
      f'{published.DATASET}.'
    )
  return notes
