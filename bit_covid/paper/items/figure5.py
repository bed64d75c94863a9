# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Figure 5: the confusion matrix of Bit-M on test."""

from typing import Any

import numpy as np

from bit_covid.analysis import figures_curves
from bit_covid.analysis import metrics
from bit_covid.analysis import published
from bit_covid.paper import collected
from bit_covid.paper import grid
from bit_covid.paper import markdown
from bit_covid.paper import marks
from bit_covid.paper import results
from bit_covid.paper import rows as rows_lib

_SETTING = grid.Run(grid.BEST)
_SENSITIVITY = next(
  row.sensitivity for row in published.ROWS if row.model == grid.BEST
)


def make(request: collected.Request) -> collected.Collected:
  """Returns the matrix, and those of the other seeds and of COVID-Net."""
  runs = request.runs
  result = runs.result(_SETTING, 'test')
  matrices = list(_matrices(runs, result))
  if result:
    figure = figures_curves.confusion_matrix(
      result.confusions[0], result.class_names
    )
    figure.axes[0].set_title(
      f'{grid.BEST}, seed {result.seeds[0]}, test', fontsize=10
    )
  else:
    figure = marks.message(f'{grid.BEST}: {runs.status(_SETTING, "test")}')
  return collected.Collected(
    title=f'Figure 5. Confusion matrix of {grid.BEST} on the test split',
    records=[
      record
      for key, matrix in matrices
      for record in _records(key, np.asarray(matrix))
    ],
    tables=[_table(key, np.asarray(matrix)) for key, matrix in matrices],
    notes=[
      'Rows are the truth, columns the prediction; in brackets the share of '
      'the true class, which is what the colours show.',
      "The paper's Figure 5 is published as a picture only; the shares on its "
      'diagonal are the sensitivities of its Table 2: '
      + ', '.join(
        f'{name} {value:.1f} %'
        for name, value in zip(published.CLASS_NAMES, _SENSITIVITY, strict=True)
      )
      + '.',
    ],
    figure=figure,
  )


def _matrices(runs: results.Runs, result: results.Result | None):
  """Yields kind, model, seed and source, and counts, of each matrix."""
  if result:
    for seed, matrix in zip(result.seeds, result.confusions, strict=True):
      yield (rows_lib.OURS, grid.BEST, seed, ''), matrix
  for name in runs.live:
    live = runs.live_result(name, 'test')
    if live:
      yield (rows_lib.LIVE, name, '', ''), live.confusions[0]
  for known in published.CONFUSIONS:
    key = (rows_lib.PUBLISHED, known.model, '', known.source)
    yield key, known.counts


def _records(
  key: tuple[str, str, int | str, str], matrix: np.ndarray
) -> list[dict[str, Any]]:
  kind, model, seed, source = key
  shares = _shares(matrix)
  return [
    {
      'kind': kind,
      'model': model,
      'seed': seed,
      'split': 'test',
      'true': published.CLASS_NAMES[i],
      'predicted': published.CLASS_NAMES[j],
      'slices': int(matrix[i, j]),
      'percent_of_true': 100 * shares[i, j],
      'source': source,
    }
    for i, j in np.ndindex(matrix.shape)
  ]


def _table(
  key: tuple[str, str, int | str, str], matrix: np.ndarray
) -> markdown.Table:
  kind, model, seed, _ = key
  title = {
    rows_lib.OURS: f'{model}, seed {seed}',
    rows_lib.LIVE: f'{model}, run here',
    rows_lib.PUBLISHED: f'{model}, published',
  }[kind]
  names = published.CLASS_NAMES
  return markdown.Table(
    title,
    ['True', *(f'called {name}' for name in names)],
    [
      [
        name,
        *(
          f'{count:,} ({markdown.number(100 * share, 1)} %)'
          for count, share in zip(counts, shares, strict=True)
        ),
      ]
      for name, counts, shares in zip(
        names, matrix, _shares(matrix), strict=True
      )
    ],
  )


def _shares(matrix: np.ndarray) -> np.ndarray:
  whole = np.broadcast_to(matrix.sum(axis=1, keepdims=True), matrix.shape)
  return metrics.ratio(matrix, whole)
