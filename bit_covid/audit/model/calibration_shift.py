# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Whether the temperature that was fitted on val helps on the judged split.

Of few patients, the best temperature is known roughly only, and that of val may
make another split worse by chance. It is a warning if the ranges of the best
temperatures of the two splits do not meet.
"""

import math

import pandas as pd

from bit_covid.analysis import calibration
from bit_covid.audit import finding
from bit_covid.audit.model import subject as subject_lib

# The split on which a temperature is fitted.
_VAL = 'val'


def check(subject: subject_lib.Subject) -> finding.Finding:
  """Returns calibration before and after the temperature of the network."""
  temperature = subject.network.temperature
  if not temperature:
    return finding.Finding(
      'NOT CHECKED',
      'The network has no temperature: no split val was evaluated, or it has '
      'no errors.',
    )
  before = subject.table
  after = calibration.apply_temperature(before, temperature)
  rows = [
    {'Probabilities': name, **_row(table)}
    for name, table in (('as computed', before), ('calibrated', after))
  ]
  old, new = calibration.measure(before), calibration.measure(after)
  is_worse = new['nll'] > old['nll']
  own, has_shifted = _own_temperature(subject, temperature)
  text = (
    f'The temperature {temperature:.3g}, fitted on val, changes the expected '
    f'calibration error on {subject.judged} from {old["ece"]:.2%} to '
    f'{new["ece"]:.2%} and the negative log-likelihood from '
    f'{old["nll"]:.4f} to {new["nll"]:.4f}'
  )
  ending = ': it makes them worse.' if is_worse else '.'
  return finding.Finding(
    'WARNING' if is_worse and has_shifted else 'NOTE',
    f'{text}{ending} {own}',
    pd.DataFrame(rows),
    advice='Do not call the probabilities calibrated; give both numbers.'
    if is_worse
    else '',
  )


def _own_temperature(
  subject: subject_lib.Subject, temperature: float
) -> tuple[str, bool]:
  """Returns what is best on the judged split, and if that is not chance."""
  best = calibration.fit_temperature(subject.table)
  if math.isnan(best):
    return f'{subject.judged} has too few errors for a temperature.', False
  own = calibration.temperature_range(subject.table, best)
  text = (
    f'On {subject.judged} itself {best:.3g} is best ({own.low:.3g} to '
    f'{own.high:.3g})'
  )
  if _VAL not in subject.tables:
    return f'{text}.', not own.low <= temperature <= own.high
  fitted = calibration.temperature_range(subject.tables[_VAL], temperature)
  return (
    f'{text}; the range of that of {_VAL} is {fitted.low:.3g} to '
    f'{fitted.high:.3g}.',
    bool(fitted.low > own.high or fitted.high < own.low),
  )


def _row(table: pd.DataFrame) -> dict[str, str]:
  found = calibration.measure(table)
  value, low, high = calibration.losses_intervals(table)['brier']
  return {
    'Expected calibration error': f'{found["ece"]:.2%}',
    'Negative log-likelihood': f'{found["nll"]:.4f}',
    'Brier score': f'{value:.4f} ({low:.4f} to {high:.4f})',
  }
