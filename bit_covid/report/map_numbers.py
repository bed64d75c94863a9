# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The numbers of a report on class activation maps, from the files of a run."""

from collections.abc import Callable, Mapping, Sequence
import pathlib

import numpy as np
import pandas as pd

from bit_covid.analysis import figures
from bit_covid.analysis import map_evidence
from bit_covid.analysis import predictions
from bit_covid.report import values


def collect(
  folder: pathlib.Path,
  predicted: Mapping[str, pd.DataFrame],
  settings: values.Settings,
) -> values.Json:
  """Returns 'energy' and 'randomization' of each split in a folder gradcam/.

  A table that does not exist gives `{'missing': 'why'}`. The folder may be
  missing as well. `predicted` are predictions tables.
  """
  kinds = {
    'energy': (map_evidence.ENERGY_COLUMNS, _energy),
    'randomization': (map_evidence.RANDOMIZATION_COLUMNS, _randomization),
  }
  class_names = predictions.class_names(next(iter(predicted.values())))
  result = {}
  for kind, (columns, measure) in kinds.items():
    path = folder / f'{kind}.csv'
    if not path.exists():
      continue
    rows = map_evidence.read(path, columns, class_names)
    # The report has no place for a split without predictions.
    for split in set(rows['split']) & set(predicted):
      part = _with_prediction(rows[rows['split'] == split], predicted[split])
      result.setdefault(split, {})[kind] = measure(part, class_names, settings)
  for found in result.values():
    for kind in kinds:
      missing = {'missing': f'There is no gradcam/{kind}.csv of the split.'}
      found.setdefault(kind, missing)
  return result


def _with_prediction(rows: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
  """Returns the rows with `of_run`, the class that the run predicted."""
  names = np.array(predictions.class_names(table))
  of_run = names[predictions.probabilities(table).argmax(axis=1)]
  by_slice = pd.Series(of_run, index=table['slice_id'])
  return rows.assign(of_run=rows['slice_id'].map(by_slice))


def _energy(
  rows: pd.DataFrame, class_names: Sequence[str], settings: values.Settings
) -> values.Json:
  with_box = rows[rows['box'] != '']
  measured = with_box.dropna(subset='inside')
  counts = {
    'drawn': len(rows),
    'without_box': len(rows) - len(with_box),
    'zero': len(with_box) - len(measured),
  }
  if measured.empty:
    return counts | {
      'missing': f'None of {figures.plural(len(rows), "slice")} has both a box '
      'and a map that is not zero everywhere.'
    }

  def measure(part: pd.DataFrame) -> values.Json:
    found = map_evidence.energy(part, class_names, resamples=settings.resamples)
    of_run = (part['class'] == part['of_run']).mean()
    return {
      'slices': found.slices,
      'patients': found.patients,
      'accuracy': values.plain(found.accuracy),
      'accuracy_of_run': values.plain(of_run),
      'area': values.plain(found.area),
      **values.named({'inside': found.inside}),
    }

  boxes = {'boxes': sorted(set(measured['box']))}
  return counts | boxes | _by_class(measured, class_names, measure)


def _randomization(
  rows: pd.DataFrame, class_names: Sequence[str], settings: values.Settings
) -> values.Json:
  del settings  # The range over the seeds needs no bootstrap.
  measured = rows.dropna(subset='similarity')
  counts = {
    'slices': measured['slice_id'].nunique(),
    'zero': rows['slice_id'].nunique() - measured['slice_id'].nunique(),
    'seeds': measured['seed'].nunique(),
  }
  if measured.empty:
    return counts | {
      'missing': 'The map of each slice that was drawn is zero everywhere.'
    }

  def measure(part: pd.DataFrame) -> values.Json:
    return {
      stage: {key: values.plain(x) for key, x in vars(found).items()}
      for stage, found in map_evidence.similarity(part).items()
    }

  return counts | _by_class(measured, class_names, measure)


def _by_class(
  rows: pd.DataFrame,
  class_names: Sequence[str],
  measure: Callable[[pd.DataFrame], values.Json],
) -> values.Json:
  """Returns the numbers of all rows and of each class that has any."""
  parts = {name: rows[rows['class'] == name] for name in class_names}
  return {
    'all': measure(rows),
    'by_class': {x: measure(part) for x, part in parts.items() if len(part)},
  }
