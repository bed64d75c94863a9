# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Labels of axes and columns: our setting, then the paper's in brackets."""

from bit_covid.paper import grid
from bit_covid.paper import scales

# What such labels mean, on one line and on two.
BRACKETS = " (paper's)"
BELOW = " (below: paper's)"


def resolution(scale: scales.Scale, name: str) -> str:
  """Returns '54x48 (512x480)', without brackets if both are the same."""
  return _beside('x'.join(map(str, scale.resolutions[name])), name)


def steps(scale: scales.Scale, name: str) -> str:
  """Returns '100 (10,000)', without brackets if both are the same."""
  ours, papers = (x.schedules[name][-1] for x in (scale, scales.PAPER))
  return _beside(f'{ours:,}', f'{papers:,}')


def per_class(scale: scales.Scale, count: int) -> str:
  """Returns '12 (100)', without brackets if both are the same."""
  return _beside(f'{scale.few_shot[count]:,}', f'{count:,}')


def stacked(label: str) -> str:
  """Returns a label on two lines, for an axis."""
  return label.replace(' (', '\n').removesuffix(')')


def unless_paper(scale: scales.Scale, text: str) -> str:
  """Returns the text, an explanation of such labels, or '' where it is none."""
  return '' if scale.name == scales.PAPER.name else text


def settings(scale: scales.Scale, run: grid.Run) -> str:
  """Returns resolution, steps and mixup of a run in words."""
  return (
    f'images {resolution(scale, run.resolution)}, '
    f'{steps(scale, run.schedule)} steps, '
    f'{"with" if run.mixup else "without"} mixup'
    + unless_paper(scale, " (in brackets the paper's)")
  )


def _beside(ours: str, papers: str) -> str:
  return ours if ours == papers else f'{ours} ({papers})'
