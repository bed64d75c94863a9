# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The table of all slices of a data set, on which the checks are made.

It has a row per slice, with the columns `split`, `slice_id`, `patient_id`,
`source`, `label` (the name of the class), `xmin`, `ymin`, `xmax`, `ymax` (all 0
without an annotated box) and `digest` ('' if no image was read).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from bit_covid.analysis import predictions
from bit_covid.analysis import split_counts

if TYPE_CHECKING:
  from input_pipeline import examples as examples_lib
  from input_pipeline.covidx_ct import split_file

BOX = ('xmin', 'ymin', 'xmax', 'ymax')


class Slices(NamedTuple):
  """The table and its images.

  Attributes:
    table: of this module's columns, in the order of the splits.
    image: from a row's number to uint8 `[H, W]`; None: there are no images.
  """

  table: pd.DataFrame
  image: Callable[[int], np.ndarray] | None = None


def from_examples(splits: 'Mapping[str, examples_lib.Examples]') -> Slices:
  """Returns the slices of all splits, with their images."""
  names = split_counts.ordered(splits)
  tables = [
    pd.DataFrame(
      {
        'split': name,
        'slice_id': part.slice_id,
        'patient_id': part.patient_id,
        'source': part.source,
        'label': np.array(part.class_names)[part.label],
        **dict(zip(BOX, part.box.T, strict=True)),
        'digest': part.digest,
      }
    )
    for name, part in ((name, splits[name]) for name in names)
  ]
  table = pd.concat(tables, ignore_index=True)
  places = [(name, i) for name in names for i in range(len(splits[name]))]

  def image(row: int) -> np.ndarray:
    name, i = places[row]
    return splits[name].image(i)

  return Slices(_in_order(table, splits[names[0]].class_names), image)


def from_split_files(
  splits: 'Mapping[str, Sequence[split_file.Slice]]', class_names: Sequence[str]
) -> Slices:
  """Returns the slices that the split files of COVIDx CT list."""
  rows = [
    (x.file_name, x.patient_id, x.source, class_names[x.label], *x.box, name)
    for name in split_counts.ordered(splits)
    for x in splits[name]
  ]
  columns = ['slice_id', 'patient_id', 'source', 'label', *BOX, 'split']
  table = pd.DataFrame(rows, columns=columns).assign(digest='')
  return Slices(_in_order(table, class_names))


def _in_order(table: pd.DataFrame, class_names: Sequence[str]) -> pd.DataFrame:
  """Returns the table with `label` as an ordered categorical."""
  label = pd.Categorical(table['label'], class_names, ordered=True)
  return table.assign(label=label)


def classes(table: pd.DataFrame) -> list[str]:
  """Returns the classes that have slices, in their order."""
  label = table['label'].astype('category')
  return list(label.cat.remove_unused_categories().cat.categories)


def has_boxes(table: pd.DataFrame) -> bool:
  """Returns whether every slice has an annotated box."""
  return bool((table['xmax'] > 0).all())


def numbers_in_scan(table: pd.DataFrame) -> pd.DataFrame | None:
  """Returns the columns `scan` and `number`, of the last number in each name.

  None if a name has no number, or if patients are not known: then the numbers
  need not count the slices of a scan.
  """
  if not predictions.knows_patients(table):
    return None
  parts = table['slice_id'].str.extract(r'^(.*?)(\d{1,9})\D*$')
  if parts[1].isna().any():
    return None
  return pd.DataFrame(
    {
      'scan': table['patient_id'] + '\n' + parts[0],
      'number': parts[1].astype(np.int64),
    }
  )


def sample(length: int, count: int, *, seed: int) -> np.ndarray:
  """Returns `count` random row numbers in ascending order, or all."""
  rows = np.arange(length)
  if not 0 < count < length:
    return rows
  generator = np.random.default_rng(seed)
  return np.sort(generator.choice(rows, count, replace=False))
