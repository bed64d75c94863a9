# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Figure 4: t-SNE of the features of Bit-M on the test slices."""

import pandas as pd

from bit_covid.analysis import figures_images
from bit_covid.analysis import predictions
from bit_covid.paper import collect
from bit_covid.paper import grid
from bit_covid.paper import markdown
from bit_covid.paper import results
from bit_covid.paper import rows as rows_lib

_RUN = grid.Run(grid.BEST)
_TITLE = f'Figure 4. t-SNE of the features of {grid.BEST} on the test split'


def make(request: collect.Request) -> collect.Collected:
  """Returns one point for each slice, coloured by its class."""
  try:
    table = collect.predictions_of(request.runs, _RUN)
    points = _embed(request.runs, table)
  except (collect.MissingError, figures_images.TooFewError) as error:
    return collect.without_result(_TITLE, str(error))
  order = predictions.class_names(table)
  names = points['class'].to_list()
  return collect.Collected(
    title=_TITLE,
    records=points.to_dict('records'),
    tables=[
      markdown.Table(
        'Slices shown', [{name: f'{names.count(name):,}' for name in order}]
      )
    ],
    notes=[
      f'{len(names):,} of {len(table):,} slices, drawn at random where these '
      f'are fewer; {grid.BEST}, seed {_RUN.seed}.',
      'Distances between groups mean little. The paper does not give its '
      'perplexity, layer and number of slices, and its figure is published as '
      'a picture only.',
    ],
    figure=figures_images.scatter(points[['x', 'y']].to_numpy(), names, order),
  )


def _embed(runs: results.Runs, table: pd.DataFrame) -> pd.DataFrame:
  path = _RUN.folder(runs.workdir) / 'predictions' / 'test_features.npz'
  if not path.exists():
    raise collect.MissingError(
      f'{path.name} does not exist: the features were removed.'
    )
  rows = figures_images.sample(len(table), seed=_RUN.seed)
  features = figures_images.read_features(path, table, rows)
  points = figures_images.embed(features, seed=_RUN.seed)
  shown = table.iloc[rows]
  order = predictions.class_names(table)
  return pd.DataFrame(
    {
      'kind': rows_lib.OURS,
      'slice_id': shown['slice_id'].to_numpy(),
      'patient_id': shown['patient_id'].to_numpy(),
      'class': [order[int(label)] for label in shown['label']],
      'x': points[:, 0],
      'y': points[:, 1],
    }
  )
