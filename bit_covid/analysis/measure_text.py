# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The numbers of report/metrics.json as text, with their intervals."""

from collections.abc import Mapping
import math

from bit_covid.analysis import terminal

# Measures that are shares are shown in percent, the others as they are.
_NOT_IN_PERCENT = ('mcc', 'kappa', 'roc_auc', 'average_precision')
HEADINGS = {
  **{
    name: heading if name in _NOT_IN_PERCENT else f'{heading}, %'
    for name, heading in terminal.HEADINGS.items()
  },
  'ece': 'Expected calibration error, %',
  'brier': 'Brier score',
  'nll': 'Negative log-likelihood',
  'inside': 'Energy inside, %',
}
# Small where a network is good.
_DECIMALS = {'brier': 4, 'nll': 4}
_AREAS = ('roc_auc', 'average_precision')
_MOST_DECIMALS = 5
UNDEFINED = 'undefined'


def number(value: float | None, measure: str) -> str:
  """Returns the text of a value; `measure` is a key of `HEADINGS`."""
  if value is None:
    return UNDEFINED
  if HEADINGS[measure].endswith('%'):
    return share(value)
  decimals = _DECIMALS.get(measure, 3)
  if measure in _AREAS:
    decimals = max(decimals, _decimals_to(1 - value))
  return f'{value:.{decimals}f}'


def probability(value: float) -> str:
  """Returns two digits of the distance from a probability to 0 or to 1."""
  return f'{value:.{max(2, _decimals_to(min(value, 1 - value)))}f}'


def _decimals_to(distance: float) -> int:
  """Returns how many decimals show two digits of it, 0 if it is too small."""
  if distance < 10**-_MOST_DECIMALS:
    return 0
  return min(1 - math.floor(math.log10(distance)), _MOST_DECIMALS)


def share(value: float | None, *, decimals: int = 2) -> str:
  """Returns a share in percent, without the sign."""
  return UNDEFINED if value is None else f'{100 * value:.{decimals}f}'


def interval(found: Mapping[str, float | None], measure: str) -> str:
  """Returns '96.30 to 99.26', 'no interval', or '' without a value."""
  if found['value'] is None:
    return ''
  if found['low'] is None:
    return 'no interval'
  return f'{number(found["low"], measure)} to {number(found["high"], measure)}'
