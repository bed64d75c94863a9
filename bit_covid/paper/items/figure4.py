# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Figure 4: t-SNE of the features of Bit-M on the test slices."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from bit_covid.analysis import figures_images
from bit_covid.analysis import predictions
from bit_covid.paper import collected
from bit_covid.paper import grid
from bit_covid.paper import markdown
from bit_covid.paper import results
from bit_covid.paper import rows as rows_lib

_RUN = grid.Run(grid.BEST)
_TITLE = f'Figure 4. t-SNE of the features of {grid.BEST} on the test split'


class _Embedding(NamedTuple):
  """Points in the plane with their slices, out of `of` slices."""

  points: np.ndarray
  slices: pd.DataFrame
  of: int


def make(request: collected.Request) -> collected.Collected:
  """Returns one point for each slice, coloured by its class."""
  found = _embed(request.runs)
  if isinstance(found, str):
    return collected.without_result(_TITLE, found)
  order = predictions.class_names(found.slices)
  names = [order[int(label)] for label in found.slices['label']]
  counts = [f'{names.count(name):,}' for name in order]
  return collected.Collected(
    title=_TITLE,
    records=_records(found, names),
    tables=[markdown.Table('Slices shown', list(order), [counts])],
    notes=[
      f'{len(names):,} of {found.of:,} slices, drawn at random where these are '
      f'fewer; {grid.BEST}, seed {_RUN.seed}.',
      'Distances between groups mean little. The paper does not give its '
      'perplexity, layer and number of slices, and its figure is published as '
      'a picture only.',
    ],
    figure=figures_images.scatter(found.points, names, order),
  )


def _records(found: _Embedding, names: list[str]) -> list[dict[str, object]]:
  table = pd.DataFrame(
    {
      'kind': rows_lib.OURS,
      'slice_id': found.slices['slice_id'].to_list(),
      'patient_id': found.slices['patient_id'].to_list(),
      'class': names,
      'x': found.points[:, 0].tolist(),
      'y': found.points[:, 1].tolist(),
    }
  )
  return table.to_dict('records')


def _embed(runs: results.Runs) -> _Embedding | str:
  """Returns the embedding, or the reason why there is none."""
  table = runs.table(_RUN, 'test')
  if table is None:
    return f'{grid.BEST}, seed {_RUN.seed}: {runs.status(_RUN, "test")}.'
  path = runs.folder(_RUN) / 'predictions' / 'test_features.npz'
  if not path.exists():
    return f'{path.name} does not exist: the features were removed.'
  rows = figures_images.sample(len(table), seed=_RUN.seed)
  try:
    points = figures_images.embed(
      figures_images.read_features(path, table, rows), seed=_RUN.seed
    )
  except figures_images.TooFewError as error:
    return str(error)
  return _Embedding(points, table.iloc[rows], len(table))
