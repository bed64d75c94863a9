# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Figure 5: the confusion matrix of Bit-M on test."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from matplotlib import figure as mpl_figure
import numpy as np

from bit_covid.analysis import figures_curves
from bit_covid.analysis import published
from bit_covid.analysis import ratios
from bit_covid.paper import collect
from bit_covid.paper import grid
from bit_covid.paper import markdown
from bit_covid.paper import marks
from bit_covid.paper import results
from bit_covid.paper import rows as rows_lib

_SETTING = grid.Run(grid.BEST)
_NAMES = published.CLASS_NAMES


class _Matrix(NamedTuple):
  """A confusion matrix, `[C, C]` with the truth in rows."""

  title: str
  kind: str
  model: str
  counts: np.ndarray
  seed: int | str = ''
  source: str = ''

  def shares(self) -> np.ndarray:
    """Returns the shares of the true class, `[C, C]`."""
    whole = self.counts.sum(axis=1, keepdims=True)
    return ratios.ratio(self.counts, np.broadcast_to(whole, self.counts.shape))


def make(request: collect.Request) -> collect.Collected:
  """Returns the matrix, and those of the other seeds and of COVID-Net."""
  matrices = list(_matrices(request.runs))
  known = next(row for row in published.ROWS if row.model == grid.BEST)
  diagonal = ', '.join(
    f'{name} {value:.1f} %'
    for name, value in zip(_NAMES, known.sensitivity, strict=True)
  )
  return collect.Collected(
    title=f'Figure 5. Confusion matrix of {grid.BEST} on the test split',
    records=[record for matrix in matrices for record in _records(matrix)],
    tables=[_table(matrix) for matrix in matrices],
    notes=[
      'Rows are the truth, columns the prediction; in brackets the share of '
      'the true class, which is what the colours show.',
      "The paper's Figure 5 is published as a picture only; the shares on its "
      f'diagonal are the sensitivities of its Table 2: {diagonal}.',
    ],
    figure=_draw(request.runs),
  )


def _matrices(runs: results.Runs) -> Iterator[_Matrix]:
  result = runs.result(_SETTING, 'test')
  if result:
    for seed, counts in zip(result.seeds, result.confusions, strict=True):
      title = f'{grid.BEST}, seed {seed}'
      yield _Matrix(title, rows_lib.OURS, grid.BEST, counts, seed=seed)
  for name in runs.live:
    live = runs.live_result(name, 'test')
    if live:
      title = f'{name}, run here'
      yield _Matrix(title, rows_lib.LIVE, name, live.confusions[0])
  for known in published.CONFUSIONS:
    yield _Matrix(
      f'{known.model}, published',
      rows_lib.PUBLISHED,
      known.model,
      np.array(known.counts),
      source=known.source,
    )


def _records(matrix: _Matrix) -> list[dict[str, Any]]:
  return [
    {
      'kind': matrix.kind,
      'model': matrix.model,
      'seed': matrix.seed,
      'split': 'test',
      'true': _NAMES[i],
      'predicted': _NAMES[j],
      'slices': int(matrix.counts[i, j]),
      'percent_of_true': 100 * share,
      'source': matrix.source,
    }
    for (i, j), share in np.ndenumerate(matrix.shares())
  ]


def _table(matrix: _Matrix) -> markdown.Table:
  rows = [{'True': name} for name in _NAMES]
  for (i, j), share in np.ndenumerate(matrix.shares()):
    rows[i][f'called {_NAMES[j]}'] = (
      f'{matrix.counts[i, j]:,} ({markdown.number(100 * share, 1)} %)'
    )
  return markdown.Table(matrix.title, rows)


def _draw(runs: results.Runs) -> mpl_figure.Figure:
  result = runs.result(_SETTING, 'test')
  if result is None:
    return marks.message(f'{grid.BEST}: {runs.status(_SETTING, "test")}')
  figure = figures_curves.confusion_matrix(
    result.confusions[0], result.class_names
  )
  title = f'{grid.BEST}, seed {result.seeds[0]}, test'
  figure.axes[0].set_title(title, fontsize=10)
  return figure
