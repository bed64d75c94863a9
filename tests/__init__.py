# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tests; a package, so that `python -m tests.trials` finds this one first."""
