# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What was really run beside what the paper ran, for axes and columns."""

from bit_covid.paper import grid
from bit_covid.paper import scales

PAPER = scales.SCALES['paper']


def resolution(scale: scales.Scale, name: str) -> str:
  """Returns '54x48 (512x480)': ours, and the paper's where that is another."""
  return _beside('x'.join(map(str, scale.resolutions[name])), name)


def steps(scale: scales.Scale, name: str) -> str:
  """Returns '100 (10,000)' in the same way."""
  return _beside(
    f'{scale.schedules[name][-1]:,}', f'{PAPER.schedules[name][-1]:,}'
  )


def per_class(scale: scales.Scale, count: int) -> str:
  """Returns '12 (100)' in the same way."""
  return _beside(f'{scale.few_shot[count]:,}', f'{count:,}')


def stacked(label: str) -> str:
  """Returns such a label for an axis, the paper's in a line below ours."""
  return label.replace(' (', '\n').removesuffix(')')


def below(scale: scales.Scale) -> str:
  """Returns what the lines below are; '' where there are none."""
  return " (below: paper's)" if scale.name != PAPER.name else ''


def brackets(scale: scales.Scale) -> str:
  """Returns what the brackets of such labels hold; '' where there are none."""
  return " (paper's)" if scale.name != PAPER.name else ''


def settings(scale: scales.Scale, run: grid.Run) -> str:
  """Returns how a run's networks were trained, in words."""
  is_paper = scale.name == PAPER.name
  return (
    f'images {resolution(scale, run.resolution)}, '
    f'{steps(scale, run.schedule)} steps, '
    f'{"with" if run.mixup else "without"} mixup'
    + ('' if is_paper else " (in brackets the paper's)")
  )


def _beside(ours: str, paper: str) -> str:
  return ours if ours == paper else f'{ours} ({paper})'
