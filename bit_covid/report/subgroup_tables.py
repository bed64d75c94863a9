# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tables of subgroups, from the numbers that metrics.json holds."""

from collections.abc import Mapping
from typing import Any

from bit_covid.analysis import interval as interval_lib
from bit_covid.analysis import subgroups
from bit_covid.report import blocks

Numbers = Mapping[str, Any]


def section(splits: Mapping[str, Numbers], split: str) -> list[blocks.Block]:
  """Returns a table for each kind of subgroup of a split, and remarks."""
  numbers = splits[split]
  unit = 'patients' if numbers['slice']['patients_known'] else 'slices'
  text = (
    f'Groups, and classes of them, of fewer than {subgroups.MIN_PATIENTS} '
    f'{unit} are too small to read: they are shown so that nothing is hidden, '
    'in gray.'
  )
  return [blocks.Text(text), *_metadata(splits), *_groups(numbers)]


def _metadata(splits: Mapping[str, Numbers]) -> list[blocks.Block]:
  counts = [
    f'{x["patients_with_metadata"]:,} of {x["slice"]["patients"]:,} of {split}'
    for split, x in splits.items()
    if 'patients_with_metadata' in x and x['slice']['patients_known']
  ]
  text = f'Patients whom the metadata hold: {"; ".join(counts)}.'
  return [blocks.Text(text)] if counts else []


def _groups(numbers: Numbers) -> list[blocks.Table]:
  names = numbers['class_names']
  is_known = numbers['slice']['patients_known']
  head = [
    *([f'Patients ({" / ".join(names)})'] if is_known else []),
    'Slices',
    'Accuracy',
    *(f'Sensitivity {name}' for name in names),
  ]
  rows = {}
  for group in numbers['subgroups']:
    rows.setdefault(group['by'], []).append(_group(group, names))
  return [
    blocks.Table(
      f'By {by}, slices, in percent with {interval_lib.LEVEL_TEXT} intervals',
      [by.capitalize(), *head],
      found,
    )
    for by, found in rows.items()
  ]


def _group(group: Numbers, names: list[str]) -> list[blocks.Cell]:
  is_small, small = group['is_small'], group['small_classes']
  patients = group['patients_by_class']
  remark = ''
  if is_small:
    remark = 'too small to read'
  elif small:
    remark = f'too small to read: {", ".join(small)}'
  counts = []
  if patients is not None:
    by_class = ' / '.join(str(patients[x]) for x in names)
    counts = [blocks.Cell(f'{group["patients"]:,}', by_class)]
  measures = group['measures']
  return [
    blocks.Cell(group['name'], remark),
    *counts,
    *blocks.cells(group['slices']),
    blocks.cell(measures['accuracy'], 'accuracy', is_faint=is_small),
    *(
      blocks.cell(
        measures['sensitivity'][x],
        'sensitivity',
        is_faint=is_small or x in small,
      )
      # Most groups lack patients of some class.
      if group['slices_by_class'][x]
      else blocks.Cell('-', is_faint=True)
      for x in names
    ),
  ]
