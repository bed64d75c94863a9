# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""From a config to a work directory: training, checkpoints and results."""
