# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""How well the class can be predicted from the source of a slice."""

import numpy as np
import pandas as pd
from scipy import stats

from bit_covid.audit import finding
from bit_covid.audit import slices

# Gain in accuracy from knowing the source that is a warning.
MARGIN = 0.05


def source(table: pd.DataFrame) -> finding.Finding:
  """Returns how well the source predicts the class, patient by patient."""
  name = 'Class and source'
  if not table['source'].all():
    return finding.Finding(
      name,
      'NOT CHECKED',
      'The source of a slice (hospital, scanner, collection) is not known. A '
      'network may learn it in place of the disease; give a column source.',
    )
  people = table.drop_duplicates(['patient_id', 'label'])
  counts = by_source(people)
  if people['source'].nunique() < 2:
    return finding.Finding(
      name,
      'NOTE',
      'All patients are of one source: classes cannot be told by it, and '
      'nothing is known of other sources.',
      counts,
    )
  first = people[people['split'] == people['split'].iloc[0]]
  table_2d = pd.crosstab(first['source'], first['label'])
  rules = _rules(people)
  gain = max(x['By source'] - x['Commonest class'] for x in rules)
  text = (
    f"In {first['split'].iloc[0]}, Cramér's V is {cramers_v(table_2d):.2f}, "
    f'and the source holds {shared_information(table_2d):.0%} of what there is '
    f'to know of the class. {_rule_text(rules)}{_only_text(people)}'
  )
  return finding.Finding(
    name, 'WARNING' if gain > MARGIN else 'NOTE', text, counts
  )


def by_source(people: pd.DataFrame) -> pd.DataFrame:
  """Returns how many patients each split and source has of each class."""
  counts = pd.crosstab([people['split'], people['source']], people['label'])
  order = {split: i for i, split in enumerate(dict.fromkeys(people['split']))}
  counts = counts[slices.classes(people)].reset_index()
  counts = counts.sort_values(
    'split', key=lambda x: x.map(order), kind='stable'
  )
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


def _rules(people: pd.DataFrame) -> list[dict[str, str | float]]:
  """Returns accuracies of 'the commonest class of its source', by split.

  The rule is made on the first split. A source that is not in it gets the
  commonest class of the whole split.
  """
  splits = list(dict.fromkeys(people['split']))
  people = people.astype({'label': str})
  first = people[people['split'] == splits[0]]
  commonest = first['label'].mode()[0]
  rule = first.groupby('source')['label'].agg(lambda x: x.mode()[0])
  rows = []
  for split in splits:
    part = people[people['split'] == split]
    guessed = part['source'].map(rule).fillna(commonest)
    rows.append(
      {
        'Split': split,
        'By source': float(np.mean(guessed == part['label'])),
        'Commonest class': float(np.mean(part['label'] == commonest)),
      }
    )
  return rows


def _rule_text(rules: list[dict[str, str | float]]) -> str:
  parts = [
    f'{x["By source"]:.1%} of the patients in {x["Split"]} (where '
    f'{x["Commonest class"]:.1%} are of the commonest class)'
    for x in rules
  ]
  return (
    f'"The commonest class of its source", made on {rules[0]["Split"]}, is '
    f'right for {", ".join(parts)}.'
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
