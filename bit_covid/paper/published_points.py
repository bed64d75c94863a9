# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Published numbers of Figures 2, 6 and 8, which are in no table.

The figures themselves are published as pictures only. Their numbers come from
the text and, for Figure 2, from the split files and metadata of COVIDx CT-2A,
which the paper uses unchanged.
"""

from typing import NamedTuple

from bit_covid.analysis import published

_TEXT = f'{published.PAPER}, text'
_LISTS = f'split files and metadata of COVIDx CT-2A, {published.REPOSITORY}'


class Split(NamedTuple):
  """Counts of a split, with the classes of `published.CLASS_NAMES`."""

  split: str
  source: str
  slices: tuple[int, int, int]
  patients: tuple[int, int, int]


class FewShot(NamedTuple):
  """A point of Figure 8: test accuracy in percent, slices drawn singly."""

  initialisation: str
  per_class: int
  source: str
  accuracy: float


class Shared(NamedTuple):
  """Test accuracy in percent where the two sweeps of Figure 6 meet."""

  source: str
  accuracy: float


SPLITS = (
  Split('train', _LISTS, (35_996, 25_496, 82_286), (321, 558, 1_958)),
  Split('val', _LISTS, (11_842, 7_400, 6_244), (126, 190, 166)),
  Split('test', _LISTS, (12_245, 7_395, 6_018), (126, 125, 175)),
)

FEW_SHOT = (
  FewShot('Bit-M', 100, _TEXT, 94.8),
  FewShot('Bit-M', 1000, _TEXT, 98.0),
)

# Bit-M at 512x480 and 10,000 steps with mixup; neither is a point of Figure 6,
# whose own values are not printed, but both are of its setting.
SHARED = (
  Shared(f'{published.PAPER}, Table 1', 99.2),
  Shared(f'{published.PAPER}, Table 3', 99.3),
)
