# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The number of slices per patient, and which part of the scan they are."""

import numpy as np
import pandas as pd
from scipy import stats

from bit_covid.analysis import predictions
from bit_covid.audit import finding
from bit_covid.audit import label_shuffles
from bit_covid.audit import slices

# Largest ratio of the medians of two classes that is no warning.
_RATIO = 2
# Youden's index (sensitivity + specificity - 1) that is a warning.
_YOUDEN = 0.3


def slices_per_patient(table: pd.DataFrame) -> finding.Finding:
  """Returns how slices are spread over patients."""
  if not predictions.knows_patients(table):
    return finding.Finding(
      'NOT CHECKED', 'Nobody said which slices are of one patient.'
    )
  sizes = table.groupby(['label', 'patient_id']).size()
  rows = sizes.groupby('label').agg(['size', 'sum', 'min', 'median', 'max'])
  rows = rows.astype({'median': np.int64}).reset_index()
  rows.columns = ['Class', 'Patients', 'Slices', 'Fewest', 'Median', 'Most']
  people = sizes[sizes > 0].reset_index(name='slices')
  uneven = rows['Median'].max() > _RATIO * rows['Median'].min()
  if uneven:
    _, parts = zip(*people.groupby('label', observed=True), strict=True)
    # By ranks, as medians of few patients jump.
    chance = stats.kruskal(*(part['slices'] for part in parts)).pvalue
    uneven = chance <= label_shuffles.RARE
  whole = table.groupby('patient_id').size()
  top = whole.nlargest(10).sum() / len(table)
  effective = effective_patients(whole.to_numpy())
  text = (
    f'{len(table):,} slices of {len(whole):,} patients, who tell as much as '
    f'{effective:,.0f} patients with equally many slices each; {top:.0%} of '
    'the slices are of the ten patients with most. Intervals must be over '
    'patients.'
  )
  if uneven:
    text += (
      ' The median differs between classes by more than a factor of '
      f'{_RATIO}: they were not chosen alike.'
    )
  return finding.Finding('WARNING' if uneven else 'NOTE', text, rows)


def effective_patients(sizes: np.ndarray) -> float:
  """Returns Kish's N^2 / sum of N_i^2, for slices N_i of each patient."""
  sizes = np.asarray(sizes, np.float64)
  return float(sizes.sum() ** 2 / (sizes**2).sum())


def first_slices(table: pd.DataFrame, *, seed: int) -> finding.Finding:
  """Returns whether scans that begin at their first slice are of one class.

  Args:
    table: of `slices`.
    seed: of the shuffles that tell what is chance.
  """
  numbers = slices.numbers_in_scan(table)
  if numbers is None:
    return finding.Finding(
      'NOT CHECKED', 'Names have no slice numbers, or patients are not known.'
    )
  lowest = numbers.groupby(table['source'])['number'].transform('min')
  scans = numbers.assign(
    label=table['label'],
    patient=table['patient_id'],
    # Some count from 0, some from 1.
    is_first=(numbers['number'] == lowest) & (lowest <= 1),
  ).groupby('scan', sort=False)
  label, begins = scans['label'].first(), scans['is_first'].any()
  rows = begins.groupby(label).agg(['size', 'sum'])
  rows = rows.astype(np.int64).reset_index()
  rows.columns = ['Class', 'Scans', 'With their first slice']
  best = max(label.unique(), key=lambda x: _youden(label == x, begins))
  if label.nunique() < 2 or _youden(label == best, begins) <= _YOUDEN:
    return finding.Finding(
      'PASSED', 'They tell no class from the others.', rows
    )
  is_first = begins.to_numpy()
  chance = label_shuffles.chance(
    lambda codes: max(_youden(codes == x, is_first) for x in np.unique(codes)),
    label,
    scans['patient'].first(),
    seed=seed,
  )
  true, false = begins[label == best].mean(), begins[label != best].mean()
  text = (
    f'"The scan has its first slice, so it is {best}" has sensitivity '
    f'{true:.3f} and specificity {1 - false:.3f} over {len(label):,} scans '
    f'(p = {chance:.3f})'
  )
  if chance > label_shuffles.RARE:
    return finding.Finding('NOTE', f'{text}, as may be chance.', rows)
  return finding.Finding(
    'WARNING',
    f'{text}: whole scans of one class, chosen slices of another. What lies '
    'above and below the lungs gives the class away.',
    rows,
  )


def _youden(
  is_class: pd.Series | np.ndarray, begins: pd.Series | np.ndarray
) -> float:
  if is_class.all() or not is_class.any():
    return -1.0
  return float(begins[is_class].mean() - begins[~is_class].mean())
