# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Cross-validation by patient: fold k of K of all slices of a data set.

All splits are pooled, and their patients are divided anew into K parts, class
by class. In fold k, part k is 'test', the next one is 'val', and the others are
'train', so that over all folds each slice is tested once.
"""

from collections.abc import Collection, Mapping

import numpy as np

from input_pipeline import examples as examples_lib
from input_pipeline import patient_split

# Always the same division, so that the folds of one cross-validation fit
# together, whatever the seeds of their trainings.
_SEED = 0
# Fields that slices of one pool have in common.
_COMMON = ('class_names', 'window')


def select(
  splits: Mapping[str, examples_lib.Examples],
  names: Collection[str],
  *,
  fold: int,
  count: int,
) -> dict[str, examples_lib.Examples]:
  """Returns the splits of one fold, by name.

  Args:
    splits: all splits of the data set, by name.
    names: which splits of the fold, of 'train', 'val' and 'test'.
    fold: its number, from 1.
    count: number of folds, at least 3.

  Raises:
    ValueError: the splits do not fit together, labels or patients are missing,
      or a class has fewer patients than there are folds.
  """
  pooled = pool(splits)
  part = assign(pooled, count)
  is_test, is_val = part == fold, part == fold % count + 1
  chosen = {'test': is_test, 'val': is_val, 'train': ~(is_test | is_val)}
  if unknown := set(names) - chosen.keys():
    raise ValueError(
      f'There is no split {min(unknown)!r} in a fold of a cross-validation; '
      'expected train, val or test.'
    )
  return {name: pooled.take(np.flatnonzero(chosen[name])) for name in names}


def pool(
  splits: Mapping[str, examples_lib.Examples],
) -> examples_lib.Examples:
  """Returns all slices of a data set, in the order of the splits' names.

  Raises:
    ValueError: the splits do not fit together, or a slice is in two of them.
  """
  parts = [splits[name] for name in sorted(splits)]
  for field in _COMMON:
    values = {getattr(part, field) for part in parts}
    if len(values) > 1:
      raise ValueError(
        f'The splits {", ".join(sorted(splits))} differ in {field}: '
        f'{"; ".join(sorted(map(str, values)))}. They cannot be pooled for a '
        'cross-validation.'
      )
  pooled = examples_lib.join(parts)
  names, counts = np.unique(pooled.slice_id, return_counts=True)
  if counts.max() > 1:
    raise ValueError(
      f'Slice {str(names[counts.argmax()])!r} is in two splits, so it cannot '
      'be in one fold. Remove one of them.'
    )
  return pooled


def assign(examples: examples_lib.Examples, count: int) -> np.ndarray:
  """Returns the part of each slice, `[N]` from 1 to `count`.

  All slices of a patient are in one part, and the patients of each class are
  divided evenly.

  Raises:
    ValueError: labels are missing, or a class has fewer patients than parts.
  """
  unlabelled = np.flatnonzero(examples.label < 0)
  if unlabelled.size:
    raise ValueError(
      f'{unlabelled.size:,} slices have no label, such as '
      f'{str(examples.slice_id[unlabelled[0]])!r}; a cross-validation needs '
      'all labels.'
    )
  rows = [
    {'label': examples.class_names[label], 'patient': patient}
    for label, patient in zip(
      examples.label.tolist(), examples.patient_id.tolist(), strict=True
    )
  ]
  shares = {str(i + 1): 1 / count for i in range(count)}
  parts = patient_split.divide(rows, shares, seed=_SEED)
  return np.array([int(parts[row['patient']]) for row in rows])
