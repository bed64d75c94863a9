# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""How well the class can be predicted from the source of a slice."""

import pandas as pd
from scipy import stats

from bit_covid.audit import finding
from bit_covid.audit import slices

# Gain in accuracy from knowing the source that is a warning.
_MARGIN = 0.05


def source(table: pd.DataFrame) -> finding.Finding:
  """Returns how well the source predicts the class, patient by patient."""
  if not table['source'].all():
    return finding.Finding(
      'NOT CHECKED',
      'The source of a slice (hospital, scanner, collection) is not known. A '
      'network may learn it in place of the disease; give a column source.',
    )
  people = table.drop_duplicates(['patient_id', 'label'])
  counts = _by_source(people)
  if people['source'].nunique() < 2:
    return finding.Finding(
      'NOTE',
      'All patients are of one source: classes cannot be told by it, and '
      'nothing is known of other sources.',
      counts,
    )
  split = people['split'].iloc[0]
  first = people[people['split'] == split]
  table_2d = pd.crosstab(first['source'], first['label'])
  rules = _rules(people)
  text = (
    f"In {split}, Cramér's V is {cramers_v(table_2d):.2f}, and the source "
    f'holds {shared_information(table_2d):.0%} of what there is to know of the '
    f'class. {_rule_text(rules)}{_only_text(people)}'
  )
  gain = (rules['by_source'] - rules['commonest']).max()
  return finding.Finding('WARNING' if gain > _MARGIN else 'NOTE', text, counts)


def _by_source(people: pd.DataFrame) -> pd.DataFrame:
  """Returns how many patients each split and source has of each class."""
  counts = pd.crosstab([people['split'], people['source']], people['label'])
  counts = counts[slices.classes(people)]
  counts = counts.loc[people['split'].unique()].reset_index()
  counts.columns.name = None
  return counts.rename(columns={'split': 'Split', 'source': 'Source'})


def cramers_v(counts: pd.DataFrame) -> float:
  """Returns Cramér's V of a table of counts, from 0 (independent) to 1."""
  if min(counts.shape) < 2:
    return 0.0
  return float(stats.contingency.association(counts.to_numpy(), 'cramer'))


def shared_information(counts: pd.DataFrame) -> float:
  """Returns I(class; source) / H(class).

  Args:
    counts: sources in rows, classes in columns.
  """
  joint = counts.to_numpy() / counts.to_numpy().sum()
  independent = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
  entropy = stats.entropy(joint.sum(0))
  if not entropy:
    return 0.0
  return float(stats.entropy(joint.ravel(), independent.ravel()) / entropy)


def _rules(people: pd.DataFrame) -> pd.DataFrame:
  """Returns accuracies of 'the commonest class of its source', by split.

  The rule is made on the first split. A source that is not in it gets the
  commonest class of the whole split.
  """
  label = people['label'].astype(str)
  is_first = people['split'] == people['split'].iloc[0]
  first = label[is_first]
  commonest = first.mode()[0]
  rule = first.groupby(people['source']).agg(lambda x: x.mode()[0])
  guessed = people['source'].map(rule).fillna(commonest)
  correct = pd.DataFrame(
    {'by_source': guessed == label, 'commonest': label == commonest}
  )
  return correct.groupby(people['split'], sort=False).mean()


def _rule_text(rules: pd.DataFrame) -> str:
  parts = [
    f'{x.by_source:.1%} of the patients in {x.Index} (where {x.commonest:.1%} '
    'are of the commonest class)'
    for x in rules.itertuples()
  ]
  return (
    f'"The commonest class of its source", made on {rules.index[0]}, is right '
    f'for {", ".join(parts)}.'
  )


def _only_text(people: pd.DataFrame) -> str:
  """Returns which classes come from one source only."""
  sources = people.groupby('label')['source'].unique()
  only = [
    f'{x} from {found[0]}' for x, found in sources.items() if len(found) == 1
  ]
  if not only:
    return ''
  return (
    f' Of one source only: {", ".join(only)}. Nothing shows that such a class '
    'would be known elsewhere.'
  )
