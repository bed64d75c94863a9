# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The classes of COVIDx CT, in the order of their labels."""

COVIDX_CT = ('Normal', 'CP', 'NCP')
