# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The predictions table: a row a slice, a probability a class.

Columns: `slice_id`, `patient_id`, `source`, `label` (a class's number, missing
where it is not known), then `p_<class>` for each class in the order of the
labels. All of `analysis` starts from it.
"""

from collections.abc import Sequence
import os

from etils import epath
import numpy as np
import pandas as pd

ID_COLUMNS = ('slice_id', 'patient_id', 'source', 'label')
_PREFIX = 'p_'


def make_table(
  *,
  slice_id: Sequence[str] | np.ndarray,
  patient_id: Sequence[str] | np.ndarray,
  source: Sequence[str] | np.ndarray,
  label: np.ndarray,
  probabilities: np.ndarray,
  class_names: Sequence[str],
) -> pd.DataFrame:
  """Returns the table of N slices and C classes.

  Args:
    slice_id: `[N]` text.
    patient_id: `[N]` text.
    source: `[N]` text.
    label: `[N]` int, -1 where it is not known.
    probabilities: `[N, C]` float64.
    class_names: C names.
  """
  table = pd.DataFrame(
    {
      'slice_id': np.asarray(slice_id, str),
      'patient_id': np.asarray(patient_id, str),
      'source': np.asarray(source, str),
      'label': pd.array(label, 'Int64'),
    }
  )
  table.loc[table['label'] == -1, 'label'] = pd.NA
  for i, name in enumerate(class_names):
    table[f'{_PREFIX}{name}'] = probabilities[:, i]
  return table


def class_names(table: pd.DataFrame) -> tuple[str, ...]:
  """Returns the names of the classes in a table, in the order of the labels."""
  return tuple(
    name.removeprefix(_PREFIX)
    for name in table.columns
    if name not in ID_COLUMNS
  )


def probabilities(table: pd.DataFrame) -> np.ndarray:
  """Returns the probabilities in a table, `[N, C]` float64."""
  names = [f'{_PREFIX}{name}' for name in class_names(table)]
  return table[names].to_numpy(np.float64)


def write(table: pd.DataFrame, path: str | os.PathLike[str]) -> None:
  """Writes the table as CSV, in full precision, whole or not at all."""
  path = epath.Path(path)
  path.parent.mkdir(parents=True, exist_ok=True)
  partial = path.with_name(f'.{path.name}.partial')
  # pandas writes floats so that they read back as they were.
  partial.write_text(table.to_csv(index=False))
  partial.replace(path)


def read(path: str | os.PathLike[str]) -> pd.DataFrame:
  """Returns the table in a CSV file that `write` wrote.

  A probability that is empty or no number is NaN: who needs all of them says
  which slice lacks one.

  Raises:
    ValueError: columns are missing or out of place; the message lists them.
  """
  with epath.Path(path).open() as file:
    table = pd.read_csv(
      file,
      # Text stays text: an empty source is '', an id '007' keeps its zeros.
      dtype={name: str for name in ID_COLUMNS if name != 'label'}
      | {'label': 'Int64'},
      keep_default_na=False,
      na_values={'label': ['']},
    )
  columns = list(table.columns)
  if tuple(columns[: len(ID_COLUMNS)]) != ID_COLUMNS or not all(
    name.startswith(_PREFIX) for name in columns[len(ID_COLUMNS) :]
  ):
    raise ValueError(
      f'{path}: the columns are {columns}; expected '
      f'{", ".join(ID_COLUMNS)}, then {_PREFIX}<class> for each class.'
    )
  for name in columns[len(ID_COLUMNS) :]:
    # One that is no number makes its whole column text.
    table[name] = pd.to_numeric(table[name], errors='coerce').astype(np.float64)
  return table
