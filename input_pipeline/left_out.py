# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Patients without whom a network is trained, to see what it owes to them.

`config.data.leave_out` names them, as COLUMN=VALUE. The column is `source`, or
one of the CSV `config.data.metadata`, which has a row for each patient.
"""

import collections
from collections.abc import Mapping
import csv
import pathlib
from typing import Any

import numpy as np

from input_pipeline import examples as examples_lib

# Only they lose patients, so that results are of the same patients.
SPLITS = ('train', 'val')
SOURCE = 'source'
# Named as in the metadata.csv of COVIDx CT.
_PATIENT = 'patient id'


def remaining(
  examples: examples_lib.Examples, split: str, config: Mapping[str, Any]
) -> examples_lib.Examples:
  """Returns a split without the patients whom a config leaves out.

  Args:
    examples: the whole split.
    split: its name; a split that is not one of `SPLITS` is returned unchanged.
    config: the field `data` of a config.

  Raises:
    ValueError: the metadata are invalid, no patient is left, or no patient of
      train has the value.
  """
  leave_out = config.get('leave_out', '')
  if not leave_out or split not in SPLITS:
    return examples
  is_out = are_of(examples, leave_out, config.get('metadata', ''))
  if is_out.all() or (split == 'train' and not is_out.any()):
    column = leave_out.partition('=')[0]
    values = _values(examples, column, config.get('metadata', ''))
    raise ValueError(
      f'config.data.leave_out is {leave_out!r}, which is so of '
      f'{"every" if is_out.all() else "no"} patient of {split}; values there '
      f'are {", ".join(map(repr, np.unique(values).tolist()))}.'
    )
  return examples.take(np.flatnonzero(~is_out))


def are_of(
  examples: examples_lib.Examples, leave_out: str, metadata: str = ''
) -> np.ndarray:
  """Returns which slices are of patients with a value, `[N]` bool.

  A patient with slices of several sources is of each of them.

  Args:
    examples: the slices.
    leave_out: COLUMN=VALUE.
    metadata: path of the CSV that has the column, unless it is `source`.

  Raises:
    ValueError: the CSV lacks the column or a patient, or has one twice.
    FileNotFoundError: there is no such CSV.
  """
  column, _, value = leave_out.partition('=')
  has_value = _values(examples, column, metadata) == value
  return np.isin(examples.patient_id, examples.patient_id[has_value])


def _values(
  examples: examples_lib.Examples, column: str, metadata: str
) -> np.ndarray:
  """Returns the value of each slice, `[N]` text.

  Raises:
    ValueError: the CSV has no such column, or not one row for each patient.
  """
  if column == SOURCE:
    return examples.source
  # utf-8-sig skips the byte order mark that spreadsheets write.
  path = pathlib.Path(metadata).expanduser()
  with path.open(newline='', encoding='utf-8-sig') as file:
    rows = list(csv.DictReader(file, strict=True))
  absent = [x for x in (_PATIENT, column) if not rows or x not in rows[0]]
  if absent:
    raise ValueError(
      f'{path}: no column {" and ".join(map(repr, absent))}; it has '
      f'{", ".join(map(repr, rows[0] if rows else ())) or "no rows"}.'
    )
  of_patients = {row[_PATIENT]: row[column] or '' for row in rows}
  if len(of_patients) < len(rows):
    counts = collections.Counter(row[_PATIENT] for row in rows)
    raise ValueError(
      f'{path}: several rows for the patient {counts.most_common(1)[0][0]!r}. '
      'Keep one for each.'
    )
  missing = sorted({*examples.patient_id.tolist()} - of_patients.keys())
  if missing:
    raise ValueError(
      f'{path}: no row for {len(missing)} of the patients, such as '
      f'{missing[0]!r}. Add one for each; the field may be empty.'
    )
  return np.array([of_patients[x] for x in examples.patient_id.tolist()], str)
