# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Results on slices of matched position: no slices above or below the lesions.

Where scans of Normal patients are complete and those of others are chosen
slices, a network can tell Normal by seeing the neck or the belly.
"""

import numpy as np
import pandas as pd

from bit_covid.audit import finding
from bit_covid.audit import slices as slices_lib
from bit_covid.audit.model import results
from bit_covid.audit.model import subject as subject_lib

NORMAL = 'Normal'
# Shares of the slices with lesions that lie below and above the kept range.
_TAILS = 0.01, 0.99


def check(subject: subject_lib.Subject) -> finding.Finding:
  """Returns the results without Normal slices above and below the lesions."""
  names = subject.network.class_names
  if NORMAL not in names or len(names) < 2:
    return finding.Finding(
      'NOT CHECKED', f'There is no class {NORMAL} beside others.'
    )
  table = subject.table
  numbers = slices_lib.numbers_in_scan(table)
  if numbers is None:
    return finding.Finding(
      'NOT CHECKED', 'Names have no slice numbers, or patients are not known.'
    )
  is_normal = (table['label'] == names.index(NORMAL)).to_numpy(bool)
  number = numbers['number'].to_numpy()
  if is_normal.all() or not is_normal.any():
    return finding.Finding(
      'NOT CHECKED', f'{subject.judged} has slices of one kind only.'
    )
  low, high = np.quantile(number[~is_normal], _TAILS)
  is_kept = ~is_normal | ((number >= low) & (number <= high))
  return _compare(table, is_kept, f'{low:.0f} to {high:.0f}')


def _compare(
  table: pd.DataFrame, is_kept: np.ndarray, place: str
) -> finding.Finding:
  matched = table[is_kept]
  rows = {'all': table, f'Normal ones of number {place}': matched}
  shown = results.compare(rows, 'Slices of the split')
  before, after = results.accuracy(table), results.accuracy(matched)
  is_worse = after.value < before.low
  dropped = int((~is_kept).sum())
  return finding.Finding(
    'WARNING' if is_worse else 'NOTE',
    f'Of the Normal slices, {dropped:,} lie outside the numbers {place}, in '
    f'which the slices of other classes lie. Without them the accuracy is '
    f'{results.text(after)}, with them {results.text(before)}.',
    shown,
    advice='Report the result on slices of matched position beside the whole.'
    if is_worse
    else '',
  )
