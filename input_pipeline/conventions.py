# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What COVIDx CT has settled, and what the rest of the project keeps to."""

# The classes, in the order of their labels.
COVIDX_CT = ('Normal', 'CP', 'NCP')

SPLITS = ('train', 'val', 'test')

# Center and width of the window behind the gray values, in Hounsfield units:
# from -1350 to 150.
LUNG_WINDOW = (-600.0, 1500.0)

# The values of a 16-bit image that become black and white.
FULL_RANGE_16BIT = (0, 65_535)
