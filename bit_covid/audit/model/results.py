# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Rows of results with their intervals, as checks of a network show them."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from bit_covid.analysis import figures
from bit_covid.analysis import interval as interval_lib
from bit_covid.analysis import intervals
from bit_covid.analysis import predictions

# The first columns of a table of results.
COLUMNS = ('Slices', 'Patients', 'Accuracy')
UNKNOWN = 'not known'


def compare(tables: Mapping[str, pd.DataFrame], heading: str) -> pd.DataFrame:
  """Returns a row of accuracy and sensitivities for each predictions table.

  Args:
    tables: of the same classes, by what distinguishes them. None is empty.
    heading: of the column with the names of the tables.
  """
  rows = []
  for name, table in tables.items():
    measures = intervals.intervals(table, with_areas=False)
    sensitivity = measures['sensitivity']
    class_names = predictions.class_names(table)
    rows.append(
      {
        heading: name,
        'Slices': len(table),
        'Patients': patients(table),
        'Accuracy': text(measures['accuracy']),
        **{
          f'Sensitivity, {class_name}': text(interval_lib.Interval(*values))
          for class_name, *values in zip(class_names, *sensitivity, strict=True)
        },
      }
    )
  return pd.DataFrame(rows)


def patients(table: pd.DataFrame) -> int | str:
  """Returns the number of patients, or `UNKNOWN` if nobody named them."""
  if not predictions.knows_patients(table):
    return UNKNOWN
  return int(table['patient_id'].nunique())


def text(found: interval_lib.Interval) -> str:
  """Returns a share with its interval, such as '97.1 % (94.0 to 98.9)'."""
  if pd.isna(found.value):
    return 'no slices'
  value, low, high = (f'{100 * float(x):.1f}' for x in found)
  return f'{value} % ({low} to {high})'


def accuracy(table: pd.DataFrame) -> interval_lib.Interval:
  """Returns the accuracy of a predictions table, with its interval."""
  return intervals.intervals(table, with_areas=False)['accuracy']


def predicted(table: pd.DataFrame, probabilities: np.ndarray) -> pd.DataFrame:
  """Returns the predictions table with other probabilities, `[N, C]`."""
  names = table.columns[-probabilities.shape[1] :]
  return table.assign(**dict(zip(names, probabilities.T, strict=True)))


def commonest(table: pd.DataFrame) -> float:
  """Returns the share of the commonest class, as a rule without a network."""
  return float(table['label'].value_counts(normalize=True).max())


def picture(
  rows: Mapping[str, Sequence[np.ndarray]], titles: Sequence[str]
) -> bytes:
  """Returns rows of slices, each `[H, W]` uint8, under titles, as a PNG."""
  figure = figures.new(1.25 * len(rows) + 0.2)
  grid = figure.subplots(
    len(rows),
    len(titles),
    squeeze=False,
    subplot_kw={'xticks': [], 'yticks': []},
  )
  for panels, (name, images) in zip(grid, rows.items(), strict=True):
    panels[0].set_ylabel(name, fontsize=8)
    for axes, image in zip(panels, images, strict=True):
      axes.imshow(image, cmap='gray', vmin=0, vmax=255)
      # So that titles are in one line above slices of different shapes.
      axes.set_anchor('N')
  for axes, title in zip(grid[0], titles, strict=True):
    axes.set_title(title, fontsize=8)
  return figures.png(figure)
