# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The section on calibration: before and after the temperature of val."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from bit_covid.analysis import interval as interval_lib
from bit_covid.report import blocks
from bit_covid.report import figures
from bit_covid.report import tables

_ERROR_OF_CALIBRATION = (
  'The expected calibration error has no interval: chance alone makes a sum of '
  'absolute values larger, so that the interval of a well-calibrated network '
  'would lie above the truth.'
)


def blocks_of(
  split: str, table: pd.DataFrame, numbers: Mapping[str, Any]
) -> list[blocks.Block]:
  """Returns the blocks of a split, for its predictions table and numbers."""
  return [
    *_temperature(split, numbers['calibration']),
    blocks.Text(_ERROR_OF_CALIBRATION),
    tables.calibration(numbers),
    blocks.Pictures([figures.reliability(split, table, numbers)]),
  ]


def _temperature(split: str, found: Mapping[str, Any]) -> list[blocks.Block]:
  if 'missing' in found:
    return [blocks.Note(f'No temperature. {found["missing"]}')]
  low, high = found['temperature_low'], found['temperature_high']
  text = blocks.Text(
    f'The temperature {found["temperature"]:.2f} ({interval_lib.LEVEL_TEXT} '
    f'interval {low:.2f} to {high:.2f}) was fitted on {found["fitted_on"]} '
    'alone. It changes no prediction, only how sure '
    'the network says it is.'
  )
  before, after = (found[x]['nll']['value'] for x in ('before', 'after'))
  if after <= before:
    return [text]
  return [
    text,
    blocks.Note(
      f'On {split} it makes the probabilities worse: the negative '
      f'log-likelihood goes from {before:.4f} to {after:.4f}. Do not call them '
      'calibrated.'
    ),
  ]
