# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Labels of axes and columns: our setting, then the paper's in brackets."""

from bit_covid.paper import grid
from bit_covid.paper import scales

PAPER = scales.SCALES['paper']


def resolution(scale: scales.Scale, name: str) -> str:
  """Returns '54x48 (512x480)', without brackets if both are the same."""
  return _beside('x'.join(map(str, scale.resolutions[name])), name)


def steps(scale: scales.Scale, name: str) -> str:
  """Returns '100 (10,000)', without brackets if both are the same."""
  return _beside(
    f'{scale.schedules[name][-1]:,}', f'{PAPER.schedules[name][-1]:,}'
  )


def per_class(scale: scales.Scale, count: int) -> str:
  """Returns '12 (100)', without brackets if both are the same."""
  return _beside(f'{scale.few_shot[count]:,}', f'{count:,}')


def stacked(label: str) -> str:
  """Returns a label on two lines, for an axis."""
  return label.replace(' (', '\n').removesuffix(')')


def below(scale: scales.Scale) -> str:
  """Returns the explanation of the second lines, '' at the paper's scale."""
  return " (below: paper's)" if scale.name != PAPER.name else ''


def brackets(scale: scales.Scale) -> str:
  """Returns the explanation of the brackets, '' at the paper's scale."""
  return " (paper's)" if scale.name != PAPER.name else ''


def settings(scale: scales.Scale, run: grid.Run) -> str:
  """Returns resolution, steps and mixup of a run in words."""
  is_paper = scale.name == PAPER.name
  return (
    f'images {resolution(scale, run.resolution)}, '
    f'{steps(scale, run.schedule)} steps, '
    f'{"with" if run.mixup else "without"} mixup'
    + ('' if is_paper else " (in brackets the paper's)")
  )


def _beside(ours: str, paper: str) -> str:
  return ours if ours == paper else f'{ours} ({paper})'
