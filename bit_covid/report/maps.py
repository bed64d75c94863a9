# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a report says of class activation maps, from the files of a run."""

from collections.abc import Callable, Mapping, Sequence
import pathlib
from typing import Any

import numpy as np
import pandas as pd

from bit_covid.analysis import figures
from bit_covid.analysis import map_evidence
from bit_covid.analysis import measure_text
from bit_covid.analysis import predictions
from bit_covid.report import blocks
from bit_covid.report import tables
from bit_covid.report import values

# Pixels of the image to one of the network's last map: halved five times.
_STRIDE = 32


def numbers(
  folder: pathlib.Path, predicted: Mapping[str, pd.DataFrame]
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
      result.setdefault(split, {})[kind] = measure(part, class_names)
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


def _energy(rows: pd.DataFrame, class_names: Sequence[str]) -> values.Json:
  with_box = rows[rows['box'] != '']
  knows_patients = predictions.knows_patients(rows)
  measured = with_box.dropna(subset='inside')
  counts = {
    'drawn': len(rows),
    'without_box': len(rows) - len(with_box),
    'zero': len(with_box) - len(measured),
  }
  if measured.empty:
    missing = (
      f'None of {_slices(len(rows))} has both a box and a map that is not zero '
      'everywhere.'
    )
    return counts | {'missing': missing}

  def measure(part: pd.DataFrame) -> values.Json:
    found = map_evidence.energy(part, class_names)
    of_run = (part['class'] == part['of_run']).mean()
    return {
      'slices': found.slices,
      'patients': found.patients if knows_patients else None,
      'accuracy': values.plain(found.accuracy),
      'accuracy_of_run': values.plain(of_run),
      'area': values.plain(found.area),
      **values.named({'inside': found.inside}),
    }

  boxes = {'boxes': sorted(set(measured['box']))}
  return counts | boxes | _by_class(measured, class_names, measure)


def _randomization(
  rows: pd.DataFrame, class_names: Sequence[str]
) -> values.Json:
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
    found = map_evidence.similarity(part)
    return {stage: vars(x) for stage, x in found.items()}

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


def evidence(
  splits: Mapping[str, Any],
  data: Mapping[str, Any],
  panels: Sequence[figures.Picture],
) -> list[blocks.Block]:
  """Returns what is known of the maps, [] for a run without maps.

  'maps' of a split are those of `numbers`. The panels show the maps. `data` is
  the part of config.json on the data.
  """
  found = {name: x['maps'] for name, x in splits.items() if 'maps' in x}
  body = [blocks.Pictures(panels)] if panels else []
  for split, kinds in found.items():
    body += _energy_blocks(split, kinds['energy'], data)
    body += _randomization_blocks(split, kinds['randomization'])
  if panels and not found:
    body.append(
      blocks.Text(
        'What speaks for these maps was not measured: there is neither '
        'gradcam/energy.csv nor gradcam/randomization.csv of a split above.'
      )
    )
  return body


def _energy_blocks(
  split: str, found: Mapping[str, Any], data: Mapping[str, Any]
) -> list[blocks.Block]:
  left_out = _left_out(found)
  if 'missing' in found:
    text = 'How much of the maps lies in the body was not measured.'
    return [blocks.Note(f'{text} {found["missing"]}{left_out}')]
  right = measure_text.share(found['all']['accuracy'], decimals=1)
  usual = measure_text.share(found['all']['accuracy_of_run'], decimals=1)
  return [
    blocks.Text(
      'Does the network look at the body? Here the maps are of whole slices, '
      'resized as they are, of the class that is predicted on them: on a slice '
      'cropped to the box, all of a map is in the box. A map without any '
      'preference would have as large a share in the box as the box has of the '
      'slice.'
    ),
    blocks.Text(
      f'{_slices(found["drawn"])} of {split}, drawn at random, '
      'as many of each class where there are enough; boxes: '
      f'{" and ".join(found["boxes"])}.{left_out}{_whole(data)} Of these '
      f'whole slices, {right} % are predicted rightly; of the same slices as '
      f'the network gets them, {usual} %. (Both count these slices alone, so '
      'they have no interval.) The further they are apart, the less these maps '
      'tell of how the network decides.'
    ),
    tables.energy(found),
  ]


def _whole(data: Mapping[str, Any]) -> str:
  """Returns what a network knows of whole slices, by its data's config."""
  text = ''
  if data.get('box') == 'none':
    text = ' The network was trained on whole slices.'
  elif data.get('box') in ('annotated', 'automatic'):
    text = (
      ' The network was trained on slices cropped to the box, and was never '
      'shown what lies outside.'
    )
  if 'crop' in data:
    side = -(-data['crop'] // _STRIDE)
    text += f' A map has {side} x {side} positions before it is enlarged.'
  return text


def _left_out(found: Mapping[str, Any]) -> str:
  text = ''
  if found.get('without_box'):
    text += f' Left out: {_slices(found["without_box"])} without a box.'
  if found.get('zero'):
    text += f' Left out: {_slices(found["zero"])} whose map is zero everywhere.'
  return text


def _slices(count: int) -> str:
  return figures.plural(count, 'slice')


def _randomization_blocks(
  split: str, found: Mapping[str, Any]
) -> list[blocks.Block]:
  if 'missing' in found:
    text = 'Maps of a randomized network were not compared.'
    return [blocks.Note(f'{text} {found["missing"]}')]
  return [
    blocks.Text(
      'Do the maps show what was learnt? From the last stage of the network, '
      'the head, to the first, the root, the parameters of one stage after the '
      'other are shuffled. Maps that stay as they were do '
      'not show what those parameters had learnt. Mean over '
      f'{_slices(found["slices"])} of {split}, as the network '
      f'gets them, and {figures.plural(found["seeds"], "shuffle")} of each '
      f'stage.{_left_out(found)}'
    ),
    tables.randomization(found),
  ]
