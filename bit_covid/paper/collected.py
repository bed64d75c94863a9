# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The request for a table or figure of the paper, and the collected item."""

from collections.abc import Mapping, Sequence
import dataclasses
from typing import TYPE_CHECKING, Any

from matplotlib import figure as mpl_figure
import pandas as pd

from bit_covid.paper import grid
from bit_covid.paper import markdown
from bit_covid.paper import marks
from bit_covid.paper import results
from bit_covid.paper import rows
from bit_covid.paper import scales

if TYPE_CHECKING:
  # TensorFlow: most items need no images and do not wait for it.
  import input_pipeline


@dataclasses.dataclass(frozen=True)
class Request:
  """What an item is collected from.

  Attributes:
    runs: the runs of the item.
    scale: the scale of the runs.
    splits: the data by split; splits that are not available are left out.
    sweeps: whether Figure 6 shows only the paper's two sweeps.
  """

  runs: results.Runs
  scale: scales.Scale
  splits: Mapping[str, 'input_pipeline.Examples']
  sweeps: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Collected:
  """A collected item, before it is written.

  Attributes:
    title: 'Table 1. ...'.
    records: rows of the CSV, in full precision.
    tables: of the markdown.
    notes: sentences below them.
    figure: the picture.
  """

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
    records=[{'kind': rows.OURS, 'status': reason}],
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
