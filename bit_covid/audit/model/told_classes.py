# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""How well probabilities tell the classes of patients, and if that is chance.

A network that is shown less than it was trained on calls nearly all slices by
one class, so that its accuracy says little. Probabilities that still order the
patients by their class give it away.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import stats

from bit_covid.analysis import predictions
from bit_covid.audit import label_shuffles


def areas(
  tables: Mapping[str, pd.DataFrame], *, seed: int
) -> tuple[dict[str, float], float]:
  """Returns the ROC AUC of each predictions table, and the chance of the best.

  An AUC is the mean over the classes of that of the mean probability of each
  patient. The chance is the share of shuffles of the labels among the patients
  in which the best of the tables, in units of its spread, is as good.

  Args:
    tables: of the same slices, of two or more classes.
    seed: of the shuffles.
  """
  means = [
    table.groupby(['patient_id', 'label'])[_columns(table)].mean()
    for table in tables.values()
  ]
  patient, label = (means[0].index.get_level_values(i) for i in (0, 1))
  # Columns in the order in which `shuffles` numbers the classes.
  present = pd.unique(label)
  ranks = np.stack([stats.rankdata(x, axis=0)[:, present] for x in means])
  found = np.stack(
    [
      _areas(ranks, codes)
      for codes in label_shuffles.shuffles(
        label, patient, count=label_shuffles.SHUFFLES, seed=seed
      )
    ]
  )
  # Where all patients get the same probabilities, there is no spread.
  spread = np.maximum(found[1:].std(axis=0), 1e-6)
  best = ((found - 0.5) / spread).max(axis=1)
  chance = (1 + (best[1:] >= best[0]).sum()) / (1 + label_shuffles.SHUFFLES)
  return dict(zip(tables, map(float, found[0]), strict=True)), float(chance)


def _columns(table: pd.DataFrame) -> list[str]:
  return list(table.columns[-len(predictions.class_names(table)) :])


def _areas(ranks: np.ndarray, codes: np.ndarray) -> np.ndarray:
  """Returns the mean AUC of each table, `[T]`.

  Args:
    ranks: `[T, U, C]`, of each unit among all by its probability of a class.
    codes: `[U]` int, the class of each unit.
  """
  truth = np.eye(ranks.shape[2])[codes]
  ones = truth.sum(axis=0)
  above = (ranks * truth).sum(axis=1) - ones * (ones + 1) / 2
  return (above / (ones * (len(codes) - ones))).mean(axis=1)
