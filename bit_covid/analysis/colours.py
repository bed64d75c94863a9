# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The colours of classes, of other series, and of class activation maps.

They can be distinguished by colour-blind readers and in gray.
"""

# Of Normal, CP, NCP, then of further classes. In gray, NCP is the darkest and
# CP the lightest of the three.
CLASSES = (
  '#0072B2',
  '#E69F00',
  '#A3195B',
  '#009E73',
  '#56B4E9',
  '#8C564B',
  '#555555',
  '#CC79A7',
)
# Of sources and splits, which must not look like classes.
SERIES = (
  '#332288',
  '#44AA99',
  '#CC6677',
  '#DDCC77',
  '#88CCEE',
  '#117733',
  '#AA4499',
  '#999933',
)
GRAY = '#6B7280'
# Matplotlib's name of the colours of all class activation maps.
MAPS = 'inferno'
# Opacity of a map that Matplotlib draws over a slice.
MAP_OPACITY = 0.45
