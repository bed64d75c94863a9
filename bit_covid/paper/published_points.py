# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Published numbers of Figures 2, 6 and 8, which are in no table.

The figures are published as pictures only, so the numbers are from the text
and, for Figure 2, from COVIDx CT-2A, which the paper uses unchanged.
"""

from typing import NamedTuple

from bit_covid.analysis import published


class Point(NamedTuple):
  """A published number in percent and its source."""

  value: float
  source: str


# Counts of each class of `published.CLASS_NAMES`.
SPLITS = {
  'train': {'slices': (35_996, 25_496, 82_286), 'patients': (321, 558, 1_958)},
  'val': {'slices': (11_842, 7_400, 6_244), 'patients': (126, 190, 166)},
  'test': {'slices': (12_245, 7_395, 6_018), 'patients': (126, 125, 175)},
}
SPLITS_SOURCE = (
  f'split files and metadata of COVIDx CT-2A, {published.REPOSITORY}'
)

_TEXT = f'{published.PAPER}, text'
# Test accuracies of Figure 8, by initialisation and slices of each class, which
# are drawn one by one.
FEW_SHOT = {
  ('Bit-M', 100): Point(94.8, _TEXT),
  ('Bit-M', 1000): Point(98.0, _TEXT),
}

# Test accuracies of Bit-M at 512x480 and 10,000 steps with mixup, where the two
# sweeps of Figure 6 meet. The values of the figure itself are not printed.
SHARED = (
  Point(99.2, f'{published.PAPER}, Table 1'),
  Point(99.3, f'{published.PAPER}, Table 3'),
)
