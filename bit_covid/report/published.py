# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The section that sets a run beside the published results."""

from collections.abc import Mapping
from typing import Any

from bit_covid.analysis import measure_text
from bit_covid.analysis import metrics
from bit_covid.analysis import published
from bit_covid.report import blocks


def comparison(
  split: str, numbers: Mapping[str, Any], data_name: str | None
) -> list[blocks.Block]:
  """Returns the published rows, then this run's, and if they are comparable.

  A run of other classes has none: there is nothing to compare.
  """
  if tuple(numbers['class_names']) != published.CLASS_NAMES:
    return []
  reason = _difference(split, numbers, data_name)
  note = (
    'The same split, by name and number of slices. One seed each, and the '
    'published rows have no intervals; differences of a few tenths may be '
    'noise.'
  )
  ours = 'This run'
  if reason:
    note = (
      f'Not comparable with this run: {reason} The published rows have no '
      'intervals; those of this run are in the tables above.'
    )
    ours = 'This run, on other data'
  table = blocks.Table(
    f'Published on the {published.SPLIT} split of COVIDx CT-2A '
    f'({published.SLICES:,} slices of 426 patients), in percent; '
    f'{" / ".join(published.CLASS_NAMES)}',
    ['Model', 'Accuracy', 'Sensitivity', 'PPV', 'Specificity', 'NPV'],
    _rows(numbers, ours),
  )
  second = [f'{x.model} {x.test:.1f}' for x in published.INITIALISATIONS]
  source = (
    f"Source: {published.PAPER}, Tables 1 and 2. A second run of the paper's "
    f'models (Table 3) gave, on test: {", ".join(second)}.'
  )
  return [blocks.Note(note), table, blocks.Text(source)]


def _difference(
  split: str, numbers: Mapping[str, Any], data_name: str | None
) -> str:
  """Returns how a run's data differ from the published, '' if they do not."""
  where = f'the published rows are of {published.DATASET} {published.SPLIT}'
  if data_name is None:
    return f'{where}, and config.json does not say what data this run is of.'
  if (data_name, split) != (published.DATASET, published.SPLIT):
    return f'{where}, the numbers above of {data_name} {split}.'
  if numbers['slices'] != published.SLICES:
    return (
      f'{where} with its {published.SLICES:,} slices, the numbers above of '
      f'{numbers["slices"]:,}.'
    )
  return ''


def _rows(numbers: Mapping[str, Any], ours: str) -> list[list[blocks.Cell]]:
  rows = []
  for row in published.ROWS:
    is_of_paper = not row.model.startswith('COVID-Net')
    model = f'{row.model} (paper)' if is_of_paper else row.model
    by_measure = [getattr(row, measure) for measure in metrics.MEASURES]
    texts = [[f'{x:.1f}' for x in values] for values in by_measure]
    rows.append(blocks.cells(model, row.accuracy, *map(' / '.join, texts)))
  by_measure = [numbers[measure].values() for measure in metrics.MEASURES]
  texts = [[_percent(x) for x in values] for values in by_measure]
  accuracy = _percent(numbers['accuracy'])
  rows.append(blocks.cells(ours, accuracy, *map(' / '.join, texts)))
  return rows


def _percent(value: float | None) -> str:
  return measure_text.share(value, decimals=1)
