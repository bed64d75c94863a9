# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Checks and measures this project on a GPU or a TPU; see README.md."""
