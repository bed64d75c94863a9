# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a report says of class activation maps, from what a run left of them."""

from collections.abc import Mapping, Sequence
import pathlib
from typing import Any

import numpy as np
import pandas as pd

from bit_covid.analysis import figures
from bit_covid.analysis import map_evidence
from bit_covid.analysis import predictions
from bit_covid.report import blocks
from bit_covid.report import tables
from bit_covid.report import values

# The side of a network's last map is that of its image, halved five times.
_STRIDE = 32


def numbers(
  folder: pathlib.Path,
  predicted: Mapping[str, pd.DataFrame],
  settings: values.Settings,
) -> values.Json:
  """Returns the numbers of a folder gradcam/ of a run, by split.

  Of each split that its files are of, 'energy' and 'randomization'; a file that
  is not there leaves `{'missing': 'why'}`.

  Args:
    folder: may be missing.
    predicted: predictions tables by split.
    settings: of the bootstrap.

  Raises:
    ValueError: a file is damaged.
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
    # One that is not predicted any more has no place in the report.
    for split in set(rows['split']) & set(predicted):
      part = _with_prediction(rows[rows['split'] == split], predicted[split])
      result.setdefault(split, {})[kind] = measure(part, class_names, settings)
  for found in result.values():
    for kind in kinds:
      missing = {'missing': f'There is no gradcam/{kind}.csv of the split.'}
      found.setdefault(kind, missing)
  return result


def _with_prediction(rows: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
  """Returns the rows with what the run has predicted for their slices."""
  names = np.array(predictions.class_names(table))
  of_run = names[predictions.probabilities(table).argmax(axis=1)]
  return rows.assign(
    of_run=rows['slice_id'].map(
      dict(zip(table['slice_id'], of_run, strict=True))
    )
  )


def _energy(
  rows: pd.DataFrame, class_names: Sequence[str], settings: values.Settings
) -> values.Json:
  with_box = rows[rows['box'] != '']
  measured = with_box[~with_box['inside'].isna()]
  counts = {
    'drawn': len(rows),
    'without_box': len(rows) - len(with_box),
    'zero': len(with_box) - len(measured),
  }
  if measured.empty:
    return counts | {
      'missing': f'None of {blocks.plural(len(rows), "slice")} has both a box '
      'and a map that is not zero everywhere.'
    }
  by_class = {name: measured[measured['class'] == name] for name in class_names}
  return counts | {
    'boxes': sorted(set(measured['box'])),
    'all': _energy_of(measured, class_names, settings),
    'by_class': {
      name: _energy_of(part, class_names, settings)
      for name, part in by_class.items()
      if len(part)
    },
  }


def _energy_of(
  rows: pd.DataFrame, class_names: Sequence[str], settings: values.Settings
) -> values.Json:
  found = map_evidence.energy(
    rows, class_names, num_resamples=settings.num_resamples, seed=settings.seed
  )
  return {
    'slices': found.slices,
    'patients': found.patients,
    'accuracy': values.plain(found.accuracy),
    'accuracy_of_run': values.plain((rows['class'] == rows['of_run']).mean()),
    'area': values.plain(found.area),
    **values.named({'inside': found.inside}, ()),
  }


def _randomization(
  rows: pd.DataFrame, class_names: Sequence[str], settings: values.Settings
) -> values.Json:
  del settings  # The range over the seeds needs no bootstrap.
  measured = rows[~rows['similarity'].isna()]
  counts = {
    'slices': measured['slice_id'].nunique(),
    'zero': rows['slice_id'].nunique() - measured['slice_id'].nunique(),
    'seeds': measured['seed'].nunique(),
  }
  if measured.empty:
    return counts | {
      'missing': 'The map of each slice that was drawn is zero everywhere.'
    }
  return counts | {
    'all': _similarity_of(measured),
    'by_class': {
      name: _similarity_of(measured[measured['class'] == name])
      for name in class_names
      if (measured['class'] == name).any()
    },
  }


def _similarity_of(rows: pd.DataFrame) -> values.Json:
  return {
    stage: {key: values.plain(x) for key, x in vars(found).items()}
    for stage, found in map_evidence.similarity(rows).items()
  }


def sections(
  splits: Mapping[str, Any],
  config: Mapping[str, Any] | None,
  pictures: Sequence[figures.Picture],
) -> list[blocks.Section]:
  """Returns the section of maps; none of a run without any.

  Args:
    splits: the numbers of each split; those of `numbers` are under 'maps'.
    config: config.json; None where there is none.
    pictures: of the maps themselves.
  """
  found = {name: x['maps'] for name, x in splits.items() if 'maps' in x}
  if not found and not pictures:
    return []
  body = [blocks.Pictures(pictures)] if pictures else []
  for split, kinds in found.items():
    data = (config or {}).get('data') or {}
    body += _energy_blocks(split, kinds['energy'], data)
    body += _randomization_blocks(split, kinds['randomization'])
  if not found:
    body.append(
      blocks.Text(
        'What speaks for these maps was not measured: there is neither '
        'gradcam/energy.csv nor gradcam/randomization.csv of a split above.'
      )
    )
  return [blocks.Section('maps', 'Where the network looks', body)]


def _energy_blocks(
  split: str, found: Mapping[str, Any], data: Mapping[str, Any]
) -> list[blocks.Block]:
  left_out = _left_out(found)
  if 'missing' in found:
    return [
      blocks.Note(
        'How much of the maps lies in the body was not measured. '
        f'{found["missing"]}{left_out}'
      )
    ]
  right, usual = (
    blocks.share(found['all'][key], decimals=1)
    for key in ('accuracy', 'accuracy_of_run')
  )
  return [
    blocks.Text(
      'Does the network look at the body? Here the maps are of whole slices, '
      'resized as they are, of the class that is predicted on them: on a slice '
      'cropped to the box, all of a map is in the box. A map without any '
      'preference would have as large a share in the box as the box has of the '
      'slice.'
    ),
    blocks.Text(
      f'{blocks.plural(found["drawn"], "slice")} of {split}, drawn at random, '
      'as many of each class where there are enough; boxes: '
      f'{" and ".join(found["boxes"])}.{left_out}{_whole(data)} Of these '
      f'whole slices {right} % are predicted rightly, as the network gets '
      f'them {usual} %: the further apart, the less these maps tell of how the '
      'network decides.'
    ),
    tables.energy(found),
  ]


def _whole(data: Mapping[str, Any]) -> str:
  """Returns what whole slices are to the network, of a field of config.json."""
  texts = {
    'none': ' The network was trained on whole slices.',
    'annotated': (
      ' The network was trained on slices cropped to the box, and was never '
      'shown what lies outside.'
    ),
  }
  texts['automatic'] = texts['annotated']
  text = texts.get(data.get('box'), '')
  if 'crop' in data:
    side = -(-data['crop'] // _STRIDE)
    text += f' A map has {side} x {side} positions before it is enlarged.'
  return text


def _left_out(found: Mapping[str, Any]) -> str:
  text = ''
  if found.get('without_box'):
    text += f' Left out: {blocks.plural(found["without_box"], "slice")} '
    text += 'without a box.'
  if found.get('zero'):
    text += f' Left out: {blocks.plural(found["zero"], "slice")} whose map is '
    text += 'zero everywhere.'
  return text


def _randomization_blocks(
  split: str, found: Mapping[str, Any]
) -> list[blocks.Block]:
  if 'missing' in found:
    return [
      blocks.Note(
        f'Maps of a randomized network were not compared. {found["missing"]}'
      )
    ]
  return [
    blocks.Text(
      'Do the maps show what was learnt? From the head down, the parameters of '
      'one stage after the other are shuffled. Maps that stay as they were do '
      'not show what those parameters had learnt. Mean over '
      f'{blocks.plural(found["slices"], "slice")} of {split}, as the network '
      f'gets them, and {blocks.plural(found["seeds"], "shuffle")} of each '
      f'stage.{_left_out(found)}'
    ),
    tables.randomization(found),
  ]
