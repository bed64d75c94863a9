# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Figure 9: Grad-CAM of Bit-M on correctly predicted slices."""

import collections
from typing import NamedTuple

from matplotlib import figure as mpl_figure
import ml_collections
import numpy as np
import pandas as pd

from bit_covid.analysis import figures
from bit_covid.analysis import predictions
from bit_covid.inference import network
from bit_covid.models import normalize
from bit_covid.paper import collected
from bit_covid.paper import grid
from bit_covid.paper import markdown
from bit_covid.paper import rows as rows_lib
from bit_covid.training import map_panels
import input_pipeline

_RUN = grid.Run(grid.BEST)
_COLUMNS = 3
_TITLE = f'Figure 9. Grad-CAM of {grid.BEST} on the test split'


class _Panel(NamedTuple):
  """A preprocessed slice with the map of its class."""

  slice_id: str
  patient_id: str
  class_name: str
  confidence: float
  image: np.ndarray
  heat: np.ndarray


def make(request: collected.Request) -> collected.Collected:
  """Returns three slices of each class, from different patients."""
  try:
    panels = _panels(request)
  except collected.MissingError as error:
    return collected.without_result(_TITLE, str(error))
  return collected.Collected(
    title=_TITLE,
    records=[
      {
        'kind': rows_lib.OURS,
        'class': x.class_name,
        'slice_id': x.slice_id,
        'patient_id': x.patient_id,
        'probability': x.confidence,
      }
      for x in panels
    ],
    tables=[
      markdown.Table(
        'Slices shown',
        [
          {
            'Class': x.class_name,
            'Slice': x.slice_id,
            'Patient': x.patient_id,
            'Probability': f'{x.confidence:.3f}',
          }
          for x in panels
        ],
      )
    ],
    notes=_notes(panels),
    figure=_draw(panels),
  )


def _notes(panels: list[_Panel]) -> list[str]:
  notes = [
    f'{grid.BEST}, seed {_RUN.seed}. Of each class the surest correct slices, '
    'one a patient; the paper does not say how it chose its own, and publishes '
    'a picture only.',
    'Slices as the network gets them; the map over them is of the class that '
    'is predicted. It shows where, not what: its positions are '
    f'{-(-panels[0].image.shape[0] // 32)} a side before it is enlarged.',
  ]
  counts = collections.Counter(x.class_name for x in panels)
  few = [name for name, count in counts.items() if count < _COLUMNS]
  if few:
    notes.append(
      f'Fewer than {_COLUMNS} patients have a correct slice of: '
      f'{", ".join(few)}.'
    )
  return notes


def _panels(request: collected.Request) -> list[_Panel]:
  table = collected.predictions_of(request.runs, _RUN)
  if 'test' not in request.splits:
    raise collected.MissingError(
      'The test split was not at hand, and so there are no slices to show.'
    )
  cases = _correct(table)
  if cases.empty:
    raise collected.MissingError(
      f'{grid.BEST}, seed {_RUN.seed}, has no slice of test right.'
    )
  classifier = network.Network.load(_RUN.folder(request.runs.workdir))
  images = _images(
    request.splits['test'],
    cases['slice_id'].to_list(),
    ml_collections.ConfigDict(classifier.preprocessing),
  )
  names = predictions.class_names(table)
  label = cases['label'].to_numpy(np.int64)
  maps = classifier.gradcam(np.asarray(normalize.to_model_range(images)), label)
  columns = (
    cases['slice_id'],
    cases['patient_id'],
    [names[i] for i in label],
    predictions.probabilities(cases).max(axis=1).tolist(),
    images[..., 0],
    maps,
  )
  return list(map(_Panel, *columns))


def _correct(table: pd.DataFrame) -> pd.DataFrame:
  """Returns the most confident correct slices, one for each patient."""
  predicted = predictions.probabilities(table).argmax(axis=1)
  is_correct = predicted == table['label'].to_numpy(np.int64)
  rows = [
    row
    for chosen in map_panels.choose(table).values()
    for row in [x for x in chosen if is_correct[x]][:_COLUMNS]
  ]
  return table.iloc[rows]


def _images(
  examples: input_pipeline.Examples,
  slice_ids: list[str],
  config: ml_collections.ConfigDict,
) -> np.ndarray:
  """Returns the preprocessed slices, `[N, S, S, 1]` uint8."""
  index = {name: i for i, name in enumerate(examples.slice_id.tolist())}
  absent = [name for name in slice_ids if name not in index]
  if absent:
    raise ValueError(
      f'{len(absent)} slices that {_RUN.name} predicted are not in the test '
      f'split, such as {absent[0]!r}. Collect with the data of the runs.'
    )
  dataset = input_pipeline.evaluation_batches(
    examples.take([index[name] for name in slice_ids]),
    config,
    batch=len(slice_ids),
  )
  (batch,) = input_pipeline.as_numpy(dataset)
  return batch['image']


def _draw(panels: list[_Panel]) -> mpl_figure.Figure:
  """Returns two rows for each class: slices, and the same with maps."""
  names = list(dict.fromkeys(x.class_name for x in panels))
  figure = figures.new(3.35 * len(names))
  axes = figure.subplots(2 * len(names), _COLUMNS, squeeze=False)
  for place in axes.ravel():
    place.set(xticks=[], yticks=[], frame_on=False)
  for i, name in enumerate(names):
    plain, overlays = axes[2 * i : 2 * i + 2]
    plain[0].set_ylabel(name, fontsize=11, fontweight='bold')
    overlays[0].set_ylabel('with map', fontsize=9)
    of_class = [x for x in panels if x.class_name == name]
    # A class may have fewer patients than there are columns.
    for panel, above, below in zip(of_class, plain, overlays, strict=False):
      for place in (above, below):
        place.imshow(panel.image, cmap='gray', vmin=0, vmax=255)
      below.imshow(
        panel.heat, cmap=figures.MAP_COLOURS, vmin=0, vmax=1, alpha=0.45
      )
      above.set_title(f'p = {panel.confidence:.3f}', fontsize=9)
  return figure
