# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The groups by which `bit-covid split` divides images of unknown patients."""

from collections.abc import Callable, Mapping, Sequence
from concurrent import futures
import pathlib

import numpy as np
import pandas as pd

from bit_covid.analysis import terminal
from bit_covid.audit import appearance
from bit_covid.audit import nearest_picture
from input_pipeline import image_file
from input_pipeline import preprocess

# Above every correlation: each image is a group.
_ALONE = 2.0
_LEVELS = (_ALONE, 0.98, 0.95, 0.93, 0.9, 0.88, 0.85, 0.8)

Divide = Callable[[Sequence[Mapping[str, str]]], Mapping[str, str]]


def groups(
  folder: pathlib.Path,
  rows: Sequence[Mapping[str, str]],
  *,
  correlation: float,
  divide: Divide,
) -> list[str]:
  """Returns the group of each row, and prints the curve of the correlation.

  Args:
    folder: that of the CSV.
    rows: with `path`, relative to the folder, and `label`.
    correlation: of neighbours in a group.
    divide: from rows with `label` and `patient` to the split of each patient.

  Raises:
    FileNotFoundError: an image does not exist.
    ValueError: the correlation is impossible, or an image cannot be read.
  """
  if not 0 < correlation <= 1:
    raise ValueError(
      f'--correlation={correlation}; expected a number above 0 and at most 1, '
      'such as 0.9.'
    )
  with futures.ThreadPoolExecutor() as pool:
    files = [folder / row['path'] for row in rows]
    vectors = np.stack(list(pool.map(_vector, files)))
  levels = sorted({*_LEVELS, correlation}, reverse=True)

  def divide_groups(group: np.ndarray) -> np.ndarray:
    named = [
      row | {'patient': str(x)} for row, x in zip(rows, group, strict=True)
    ]
    split = divide(named)
    return np.array([split[row['patient']] for row in named])

  labels = np.array([row['label'] for row in rows])
  group = appearance.groups(vectors, levels)
  _show(appearance.curve(vectors, labels, group, divide_groups), levels)
  return [f'{x}' for x in group[levels.index(correlation)]]


def _vector(file: pathlib.Path) -> np.ndarray:
  encoded = image_file.read(file)
  # A correlation does not depend on what becomes black and white.
  gray = image_file.to_plain_gray(encoded, file, allow_narrow=True)
  return nearest_picture.vector(preprocess.decode(gray))


def _show(curve: pd.DataFrame, levels: Sequence[float]) -> None:
  view = terminal.new_table(
    'Correlation',
    ['Groups', 'Images in the largest', 'Nearest picture is right'],
  )
  for level, row in zip(levels, curve.itertuples(), strict=True):
    view.add_row(
      'no groups' if level == _ALONE else f'{level:g}',
      f'{row.groups:,}',
      f'{row.largest:,}',
      'too few groups' if np.isnan(row.nearest) else f'{row.nearest:.1%}',
    )
  terminal.show(
    'The last column is the share of images outside the largest split whose '
    'most similar image in it has their class, without any network.',
    view,
  )
