# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The work of `bit-covid compare`: two runs on the same slices."""

import argparse
from collections.abc import Mapping

from etils import epath
import numpy as np
import pandas as pd

from bit_covid.analysis import interval as interval_lib
from bit_covid.analysis import metrics
from bit_covid.analysis import paired
from bit_covid.analysis import predictions
from bit_covid.analysis import terminal


def run(arguments: argparse.Namespace) -> int:
  """Returns the exit code, after printing the comparison."""
  table_a = _read(arguments.run_a, arguments.split)
  table_b = _read(arguments.run_b, arguments.split)
  differences = paired.difference(table_a, table_b)
  chance = paired.chance_of_accuracy(table_a, table_b)
  count = f'{len(table_a):,} slices'
  about = []
  if predictions.knows_patients(table_a):
    count += f' of {table_a["patient_id"].nunique():,} patients'
  else:
    about = [predictions.PATIENTS_UNKNOWN]
  terminal.show(
    f'A: {arguments.run_a}',
    f'B: {arguments.run_b}',
    f'{count}. All values are times 100.',
    *about,
    _format_comparison(table_a, table_b, differences),
    verdict(differences['accuracy'], chance),
  )
  return 0


def _read(run: str, split: str) -> pd.DataFrame:
  path = epath.Path(run)
  if path.is_dir():
    folder = path / 'predictions'
    path = folder / f'{split}.csv'
    if not path.exists():
      known = [p.stem for p in folder.glob('*.csv')] if folder.exists() else []
      raise ValueError(
        f'{path} does not exist. Splits with predictions in {run}: '
        f'{", ".join(sorted(known)) or "none; has the run ended?"}.'
      )
  return predictions.read(path)


def _format_comparison(
  table_a: pd.DataFrame,
  table_b: pd.DataFrame,
  differences: Mapping[str, interval_lib.Interval],
) -> terminal.Table:
  """Returns a row per measure: both values, their difference and interval."""
  view = terminal.new_table(
    'Measure', ['A', 'B', 'B - A', f'{interval_lib.LEVEL_TEXT} interval']
  )
  values_a = metrics.measure(table_a)
  values_b = metrics.measure(table_b)
  for name, heading in terminal.HEADINGS.items():
    columns = [values_a[name], values_b[name], *differences[name]]
    if name in metrics.OVERALL:
      view.add_row(heading, *_cells(*columns))
      continue
    for class_name, row in zip(
      predictions.class_names(table_a), np.transpose(columns), strict=True
    ):
      view.add_row(f'{heading}, {class_name}', *_cells(*row))
  return view


def verdict(accuracy: interval_lib.Interval, chance: float) -> str:
  """Returns a sentence on the difference in accuracy.

  `chance` is that of `paired.chance_of_accuracy`.
  """
  flips = (
    f'Exchanging A and B in any of the patients makes a difference as large '
    f'with probability {chance:.2g}'
  )
  if chance >= 1 - interval_lib.LEVEL or accuracy.low <= 0 <= accuracy.high:
    return f'{flips}: these slices do not tell the accuracies of A and B apart.'
  return (
    f'{flips}: {"B" if accuracy.value > 0 else "A"} is more accurate, by '
    f'{_points(abs(accuracy.value))} points, on patients like these. It says '
    'nothing of other seeds or other hospitals.'
  )


def _cells(
  a: float, b: float, value: float, low: float, high: float
) -> list[str]:
  between = 'undefined'
  if not np.isnan(low):
    between = f'{_points(low, sign="+")} to {_points(high, sign="+")}'
  difference = _points(value, sign='+')
  return [_points(a), _points(b), difference, between]


def _points(value: float, *, sign: str = '') -> str:
  return 'undefined' if np.isnan(value) else f'{100 * value:{sign}.2f}'
