# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints in BiT's `.npz` format: found, checked, read and written."""
