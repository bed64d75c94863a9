# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Classes, splits and gray values of COVIDx CT, which are the defaults.

The window of Hounsfield units is here; `scans.window` applies it.
"""

# The classes of COVIDx CT, in the order of their labels.
COVIDX_CT = ('Normal', 'CP', 'NCP')

SPLITS = ('train', 'val', 'test')

# Center and width in Hounsfield units of the window that made the gray values:
# -1350 HU is black, 150 HU is white.
LUNG_WINDOW = (-600.0, 1500.0)

# The values of a 16-bit image that become black and white.
FULL_RANGE_16BIT = (0, 65_535)
