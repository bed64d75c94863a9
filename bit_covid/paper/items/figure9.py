# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Figure 9: Grad-CAM of Bit-M on correctly predicted slices."""

from matplotlib import figure as mpl_figure
import ml_collections
import numpy as np
import pandas as pd

from bit_covid.analysis import colours
from bit_covid.analysis import figures
from bit_covid.analysis import predictions
from bit_covid.inference import network
from bit_covid.models import normalize
from bit_covid.paper import collect
from bit_covid.paper import grid
from bit_covid.paper import markdown
from bit_covid.paper import rows as rows_lib
from bit_covid.training import map_panels
import input_pipeline

_RUN = grid.Run(grid.BEST)
_COLUMNS = 3
_TITLE = f'Figure 9. Grad-CAM of {grid.BEST} on the test split'


def make(request: collect.Request) -> collect.Collected:
  """Returns three slices of each class, from different patients."""
  try:
    cases = _cases(request)
  except collect.MissingError as error:
    return collect.without_result(_TITLE, str(error))
  classifier = network.Network.load(_RUN.folder(request.runs.workdir))
  images = _images(
    request.splits['test'],
    cases['slice_id'].to_list(),
    ml_collections.ConfigDict(classifier.preprocessing),
  )
  maps = classifier.gradcam(
    np.asarray(normalize.to_model_range(images)),
    cases['label'].to_numpy(np.int64),
  )
  columns = ['class', 'slice_id', 'patient_id', 'probability']
  shown = cases[columns].to_dict('records')
  return collect.Collected(
    title=_TITLE,
    records=[{'kind': rows_lib.OURS, **case} for case in shown],
    tables=[
      markdown.Table(
        'Slices shown',
        [
          {
            'Class': case['class'],
            'Slice': case['slice_id'],
            'Patient': case['patient_id'],
            'Probability': f'{case["probability"]:.3f}',
          }
          for case in shown
        ],
      )
    ],
    notes=_notes(cases, images.shape[1]),
    figure=_draw(cases, images[..., 0], maps),
  )


def _cases(request: collect.Request) -> pd.DataFrame:
  table = collect.predictions_of(request.runs, _RUN)
  if 'test' not in request.splits:
    raise collect.MissingError(
      'The test split was not at hand, and so there are no slices to show.'
    )
  names = predictions.class_names(table)
  probabilities = predictions.probabilities(table)
  label = table['label'].to_numpy(np.int64)
  is_correct = probabilities.argmax(axis=1) == label
  rows = []
  # Of each patient, the most confident slice comes first.
  for chosen in map_panels.choose(table).values():
    rows += [row for row in chosen if is_correct[row]][:_COLUMNS]
  if not rows:
    raise collect.MissingError(
      f'{grid.BEST}, seed {_RUN.seed}, has no slice of test right.'
    )
  further = {
    'class': [names[i] for i in label[rows]],
    'probability': probabilities[rows].max(axis=1),
  }
  return table.iloc[rows].assign(**further)


def _notes(cases: pd.DataFrame, side: int) -> list[str]:
  notes = [
    f'{grid.BEST}, seed {_RUN.seed}. Of each class the surest correct slices, '
    'one a patient; the paper does not say how it chose its own, and publishes '
    'a picture only.',
    'Slices as the network gets them; the map over them is of the class that '
    'is predicted. It shows where, not what: its positions are '
    f'{-(-side // 32)} a side before it is enlarged.',
  ]
  counts = cases.groupby('class', sort=False).size()
  few = counts.index[counts < _COLUMNS]
  if len(few):
    notes.append(
      f'Fewer than {_COLUMNS} patients have a correct slice of: '
      f'{", ".join(few)}.'
    )
  return notes


def _images(
  examples: input_pipeline.Examples,
  slice_ids: list[str],
  config: ml_collections.ConfigDict,
) -> np.ndarray:
  index = pd.Index(examples.slice_id).get_indexer(slice_ids)
  absent = [name for name, i in zip(slice_ids, index, strict=True) if i < 0]
  if absent:
    raise ValueError(
      f'{len(absent)} slices that {_RUN.name} predicted are not in the test '
      f'split, such as {absent[0]!r}. Collect with the data of the runs.'
    )
  dataset = input_pipeline.evaluation_batches(
    examples.take(index), config, batch=len(slice_ids)
  )
  (batch,) = input_pipeline.as_numpy(dataset)
  return batch['image']


def _draw(
  cases: pd.DataFrame, images: np.ndarray, maps: np.ndarray
) -> mpl_figure.Figure:
  """Returns two rows for each class: slices, and the same with maps."""
  names = cases['class'].unique()
  figure = figures.new(3.35 * len(names))
  axes = figure.subplots(2 * len(names), _COLUMNS, squeeze=False)
  for place in axes.ravel():
    place.set(xticks=[], yticks=[], frame_on=False)
  for i, name in enumerate(names):
    axes[2 * i, 0].set_ylabel(name, fontsize=11, fontweight='bold')
    axes[2 * i + 1, 0].set_ylabel('with map', fontsize=9)
    # A class may have fewer patients than there are columns.
    for column, j in enumerate(np.flatnonzero(cases['class'] == name)):
      above, below = axes[2 * i : 2 * i + 2, column]
      for place in (above, below):
        place.imshow(images[j], cmap='gray', vmin=0, vmax=255)
      below.imshow(
        maps[j], cmap=colours.MAPS, vmin=0, vmax=1, alpha=colours.MAP_OPACITY
      )
      above.set_title(f'p = {cases["probability"].iloc[j]:.3f}', fontsize=9)
  return figure
