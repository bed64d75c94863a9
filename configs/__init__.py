# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Experiments, one a file; each is a short delta on `common.py`."""
