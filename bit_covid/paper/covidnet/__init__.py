# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Public COVID-Net CT checkpoints, evaluated on the same slices."""
