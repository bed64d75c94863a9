# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Whether the temperature that was fitted on val helps on the judged split."""

import pandas as pd

from bit_covid.analysis import calibration
from bit_covid.audit import finding
from bit_covid.audit.model import subject as subject_lib


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
  text = (
    f'The temperature {temperature:.3g}, fitted on val, changes the expected '
    f'calibration error on {subject.judged} from {old["ece"]:.2%} to '
    f'{new["ece"]:.2%} and the mean of -log p from {old["nll"]:.4f} to '
    f'{new["nll"]:.4f}'
  )
  ending = ': it makes them worse.' if is_worse else '.'
  return finding.Finding(
    'WARNING' if is_worse else 'NOTE',
    text + ending,
    pd.DataFrame(rows),
    advice='Do not call the probabilities calibrated; give both numbers.'
    if is_worse
    else '',
  )


def _row(table: pd.DataFrame) -> dict[str, str]:
  found = calibration.measure(table)
  value, low, high = calibration.losses_intervals(table)['brier']
  return {
    'Expected calibration error': f'{found["ece"]:.2%}',
    'Mean of -log p': f'{found["nll"]:.4f}',
    'Brier score': f'{value:.4f} ({low:.4f} to {high:.4f})',
  }
