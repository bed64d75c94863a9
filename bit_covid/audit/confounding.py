# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""How well the class can be predicted from the source of a slice."""

import numpy as np
import pandas as pd
from scipy import stats

from bit_covid.audit import finding
from bit_covid.audit import label_shuffles
from bit_covid.audit import slices

# Gain in accuracy from knowing the source, beyond that by chance, that is a
# warning, if few of the shuffles gain as much.
_MARGIN = 0.05
_SHUFFLES = 999


def source(table: pd.DataFrame, *, seed: int) -> finding.Finding:
  """Returns how well the source predicts the class, patient by patient.

  With many sources of few patients, the commonest class of each is right more
  often than the commonest of all by chance. So the gain is compared with that
  on labels shuffled among the patients.

  Args:
    table: of `slices`. A patient with slices of several sources counts for each
      of them.
    seed: of the shuffles.
  """
  if not table['source'].all():
    return finding.Finding(
      'NOT CHECKED',
      'The source of a slice (hospital, scanner, collection) is not known. A '
      'network may learn it in place of the disease; give a column source.',
    )
  people = table.drop_duplicates(['split', 'patient_id', 'label', 'source'])
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
  gain, by_chance = gains(people, seed=seed)
  chance = (1 + (by_chance >= gain).sum()) / (1 + len(by_chance))
  text += (
    f' In all splits, knowing the source gains {gain:.1%}, and on shuffled '
    f'labels {by_chance.mean():.1%} (p = {chance:.3f}).'
  )
  is_more = chance <= label_shuffles.RARE and gain - by_chance.mean() > _MARGIN
  return finding.Finding('WARNING' if is_more else 'NOTE', text, counts)


def gains(people: pd.DataFrame, *, seed: int) -> tuple[float, np.ndarray]:
  """Returns the gain in accuracy, and `[999]` gains on shuffled labels.

  The gain is that of 'the commonest class of its source' over 'the commonest
  class', both made on the patients on whom they are measured.

  Args:
    people: a row for each patient, with `source` and `label`.
    seed: of the shuffles.
  """
  source_index, sources = pd.factorize(people['source'])
  label, classes = pd.factorize(people['label'])
  generator = np.random.default_rng(seed)
  # The first row is that of the true labels.
  labels = np.tile(label, (1 + _SHUFFLES, 1))
  labels[1:] = generator.permuted(labels[1:], axis=1)
  shape = (len(labels), len(sources), len(classes))
  cell = np.ravel_multi_index(
    (np.arange(len(labels))[:, None], source_index[None], labels), shape
  )
  joint = np.bincount(cell.ravel(), minlength=np.prod(shape)).reshape(shape)
  right = joint.max(axis=2).sum(axis=1)
  gain = (right - np.bincount(label).max()) / len(label)
  return float(gain[0]), gain[1:]


def _by_source(people: pd.DataFrame) -> pd.DataFrame:
  """Returns how many patients each split and source has of each class."""
  counts = pd.crosstab([people['split'], people['source']], people['label'])
  counts = counts[slices.classes(people)]
  counts = counts.loc[people['split'].unique()].reset_index()
  counts.columns.name = None
  return counts.rename(columns={'split': 'Split', 'source': 'Source'})


def cramers_v(counts: pd.DataFrame) -> float:
  """Returns Cramér's V of a table of counts, from 0 (independent) to 1.

  With the correction for its bias by Bergsma, "A bias-correction for Cramér's V
  and Tschuprow's T" (2013): uncorrected, it is large wherever a table has many
  cells for its counts.
  """
  counts = counts.loc[counts.any(axis=1), counts.any()]
  rows, columns = counts.shape
  if min(rows, columns) < 2:
    return 0.0
  total = counts.to_numpy().sum()
  statistic = stats.chi2_contingency(counts.to_numpy(), correction=False)[0]
  excess = statistic / total - (rows - 1) * (columns - 1) / (total - 1)
  fewer = min(x - (x - 1) ** 2 / (total - 1) for x in (rows, columns))
  return float(np.sqrt(max(excess, 0.0) / (fewer - 1))) if fewer > 1 else 0.0


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
