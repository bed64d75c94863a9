# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The predictions table: one row for each slice, from which analysis starts.

Columns: `slice_id`, `patient_id`, `source`, `label` (the number of a class,
missing where it is unknown), then the probability `p_<class>` of each class in
the order of the labels.
"""

from collections.abc import Mapping, Sequence
import csv
import os

from etils import epath
import numpy as np
import pandas as pd

from bit_covid.base import csv_file
from bit_covid.base import files

ID_COLUMNS = ('slice_id', 'patient_id', 'source', 'label')
_PREFIX = 'p_'
PATIENTS_UNKNOWN = (
  'Patients are not known: intervals are over slices and too narrow.'
)
# Slices or patients that an error message names.
_EXAMPLES = 5
# Tolerance of a sum of probabilities that were written with few digits.
_ROUNDING = 1e-3


def make_table(
  *,
  slice_id: Sequence[str] | np.ndarray,
  patient_id: Sequence[str] | np.ndarray,
  source: Sequence[str] | np.ndarray,
  label: np.ndarray,
  probabilities: np.ndarray,
  class_names: Sequence[str],
) -> pd.DataFrame:
  """Returns the predictions table of N slices and C classes.

  Labels are `[N]` int, -1 where unknown; probabilities are `[N, C]` float64.
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
  columns = table.columns[len(ID_COLUMNS) :]
  return tuple(name.removeprefix(_PREFIX) for name in columns)


def probabilities(table: pd.DataFrame) -> np.ndarray:
  """Returns the probabilities in a table, `[N, C]` float64."""
  return table.iloc[:, len(ID_COLUMNS) :].to_numpy(np.float64)


def labelled(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
  """Returns labels `[N]` int64 and probabilities `[N, C]` float64 of a table.

  Raises:
    ValueError: a label or a probability is missing, a label is not the number
      of a class, or probabilities are not those of a softmax; the message
      counts the rows. All functions of this room that measure a predictions
      table raise it.
  """
  values = probabilities(table)
  unusable = table['label'].isna().to_numpy() | np.isnan(values).any(1)
  if unusable.any():
    raise ValueError(
      f'{unusable.sum()} of {len(table)} rows have no label or a probability '
      f'that is not a number, such as {table["slice_id"][unusable].iloc[0]!r}.'
      ' Metrics over the rest would not be those of the split.'
    )
  label = table['label'].to_numpy(np.int64)
  num_classes = values.shape[1]
  wrong = (label < 0) | (label >= num_classes)
  if wrong.any():
    raise ValueError(
      f'{wrong.sum()} of {len(label)} labels are not in 0 to '
      f'{num_classes - 1}, such as {label[wrong][0]}. Labels are the numbers '
      'of the classes in the order of the columns.'
    )
  # An infinite probability has no sum to compare.
  with np.errstate(invalid='ignore'):
    off = np.abs(values.sum(axis=1) - 1)
  wrong = ~(off <= _ROUNDING) | (values < 0).any(axis=1)
  if wrong.any():
    raise ValueError(
      f'{wrong.sum()} of {len(table)} rows have probabilities that do not add '
      f'up to 1 or are negative, such as {table["slice_id"][wrong].iloc[0]!r}. '
      'Give those of a softmax.'
    )
  return label, values


def write(table: pd.DataFrame, path: str | os.PathLike[str]) -> None:
  """Writes the table as CSV in full precision, atomically."""
  path = epath.Path(path)
  path.parent.mkdir(parents=True, exist_ok=True)
  files.write(path, to_csv(table).encode())


def to_csv(table: pd.DataFrame) -> str:
  """Returns any table as CSV in full precision; see `base.csv_file`."""
  table = table.rename(columns=csv_file.escaped)
  for name in table.select_dtypes(exclude=('number', 'bool')):
    table[name] = table[name].map(
      lambda x: csv_file.escaped(x) if isinstance(x, str) else x
    )
  # pandas writes floats with all digits, so that they are read unchanged.
  text = table.to_csv(index=False)
  if '\r' in text:  # In a cell, which the csv module does not quote.
    text = table.to_csv(index=False, quoting=csv.QUOTE_NONNUMERIC)
  return text


def read(path: str | os.PathLike[str]) -> pd.DataFrame:
  """Returns the table in a CSV file written by `write`.

  A probability that is empty or not a number becomes NaN.

  Raises:
    ValueError: columns are missing or out of order; the message lists them.
  """
  table = read_csv(path, dict.fromkeys(ID_COLUMNS, str) | {'label': 'Int64'})
  columns = list(table.columns)
  of_classes = columns[len(ID_COLUMNS) :]
  if tuple(columns[: len(ID_COLUMNS)]) != ID_COLUMNS or not all(
    name.startswith(_PREFIX) for name in of_classes
  ):
    raise ValueError(
      f'{path}: the columns are {columns}; expected '
      f'{", ".join(ID_COLUMNS)}, then {_PREFIX}<class> for each class.'
    )
  for name in of_classes:
    # A single value that is not a number makes the whole column text.
    table[name] = pd.to_numeric(table[name], errors='coerce').astype(np.float64)
  return table


def read_csv(
  path: str | os.PathLike[str], dtypes: Mapping[str, type | str]
) -> pd.DataFrame:
  """Returns the rows of a CSV file; an empty number is missing.

  Text stays text: an empty source is '', and an id '007' keeps its zeros.

  Raises:
    ValueError: the file is empty or damaged, or a number is not one.
  """
  numbers = [name for name, dtype in dtypes.items() if dtype is not str]
  try:
    # As bytes, or line breaks within a cell would all become the same.
    with epath.Path(path).open('rb') as file:
      table = pd.read_csv(
        file,
        dtype=dict(dtypes),
        keep_default_na=False,
        na_values={name: [''] for name in numbers},
      )
  except (TypeError, ValueError) as error:
    raise ValueError(
      f'{path}: it is empty or damaged: {str(error).strip()}. Numbers belong '
      f'in {", ".join(numbers)}. Write it again, or restore it.'
    ) from error
  for name in table.columns.intersection(set(dtypes) - set(numbers)):
    table[name] = table[name].map(csv_file.unescaped)
  return table.rename(columns=csv_file.unescaped)


def knows_patients(table: pd.DataFrame) -> bool:
  """Returns whether someone said which slices are of one patient.

  Where nobody did, each slice is written as a patient of its own.
  """
  return not (table['patient_id'] == table['slice_id']).all()


def check_once(table: pd.DataFrame) -> None:
  """Checks that no slice occurs twice.

  Raises:
    ValueError: some do; the message says how many and which.
  """
  _slices(table, 'the table')


def align(table_a: pd.DataFrame, table_b: pd.DataFrame) -> pd.DataFrame:
  """Returns the rows of B in the order of A.

  Raises:
    ValueError: classes, slices, labels or patients differ; the message says
      how many and which.
  """
  columns_a, columns_b = list(table_a.columns), list(table_b.columns)
  if columns_a != columns_b:
    raise ValueError(
      f'The columns differ: {columns_a} in A, {columns_b} in B. Compare runs '
      'over the same classes.'
    )
  remedy = 'Compare runs on the same split of the same data.'
  slices_a, slices_b = _slices(table_a, 'A'), _slices(table_b, 'B')
  only_a = slices_a.difference(slices_b)
  only_b = slices_b.difference(slices_a)
  if len(only_a) or len(only_b):
    raise ValueError(
      f'A and B hold different slices: {len(only_a)} of {len(slices_a)} are '
      f'only in A{_such_as(only_a)}, {len(only_b)} of {len(slices_b)} only in '
      f'B{_such_as(only_b)}. {remedy}'
    )
  table_b = table_b.iloc[slices_b.get_indexer(slices_a)]
  table_b = table_b.set_axis(table_a.index)
  for column in ('label', 'patient_id'):
    # A label that is missing in one table only is a difference as well.
    a, b = (table[column].astype(object) for table in (table_a, table_b))
    differs = (a.fillna('') != b.fillna('')).to_numpy(bool)
    if differs.any():
      raise ValueError(
        f'{differs.sum()} of {len(table_a)} slices have another {column} in B '
        f'than in A{_such_as(slices_a[differs])}. {remedy}'
      )
  return table_b


def examples(names: Sequence[str] | pd.Index) -> str:
  """Returns the first names for an error message, such as 'a, b, ...'."""
  more = ', ...' if len(names) > _EXAMPLES else ''
  return ', '.join(map(str, names[:_EXAMPLES])) + more


def _slices(table: pd.DataFrame, name: str) -> pd.Index:
  index = pd.Index(table['slice_id'])
  twice = index[index.duplicated()].unique()
  if len(twice):
    raise ValueError(
      f'{len(twice)} slices of {name} occur more than once{_such_as(twice)}. '
      'A predictions table has one row for each slice.'
    )
  return index


def _such_as(names: pd.Index) -> str:
  return f' ({examples(names)})' if len(names) else ''
