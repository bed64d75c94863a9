# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The predictions tables of a work directory, and which of them is shown."""

from collections.abc import Sequence
import pathlib

import pandas as pd

from bit_covid.analysis import predictions
from bit_covid.analysis import split_counts


def read(workdir: pathlib.Path) -> dict[str, pd.DataFrame]:
  """Returns the predictions tables of a work directory by split.

  Raises:
    ValueError: there are no tables, or one is damaged.
  """
  folder = workdir / 'predictions'
  paths = {path.stem: path for path in sorted(folder.glob('*.csv'))}
  if not paths:
    raise ValueError(
      f'{folder} holds no <split>.csv. Give the work directory of a run that '
      'has been evaluated.'
    )
  return {x: predictions.read(paths[x]) for x in split_counts.ordered(paths)}


def main_split(names: Sequence[str]) -> str:
  """Returns the split that is shown in full: test, else any but train, val."""
  others = [x for x in names if x not in ('train', 'val')]
  best = [x for x in ('test', *others, 'val') if x in names]
  return best[0] if best else names[0]
