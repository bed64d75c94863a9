# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The terms of a report, each in a sentence."""

from bit_covid.report import blocks

_TERMS = {
  'Sensitivity': 'of the slices of a class, the share that is called so',
  'Specificity': 'of the slices of other classes, the share that is not',
  'PPV, NPV': 'of the slices that are called so, the share that is of the '
  'class; of those that are not, the share of other classes. Both depend on '
  'how common the class is',
  'Balanced accuracy': 'the mean of the sensitivities of all classes',
  'F1': 'the harmonic mean of sensitivity and PPV',
  'MCC, kappa': 'agreement with the truth, 0 for guessing and 1 for none wrong',
  'ROC AUC': 'how often a slice of the class has a higher probability of it '
  'than another slice; 0.5 for guessing',
  'Average precision': 'the mean PPV over all thresholds; for guessing, the '
  'share of the class',
  'Calibration error': 'how far confidence and share of right predictions '
  'are apart, on average',
  'Brier score, negative log-likelihood': 'how far all probabilities are from '
  'the truth; 0 for certain and right',
  '95 % interval': 'made so that it contains the true value in 95 of 100 '
  'such samples of patients',
}


def table() -> blocks.Table:
  """Returns the terms and what they mean."""
  rows = [blocks.cells(term, f'{x}.') for term, x in _TERMS.items()]
  return blocks.Table('Terms', ['Term', 'Meaning'], rows)
