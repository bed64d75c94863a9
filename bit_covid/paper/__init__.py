# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Every table and figure of the paper: its runs, and how they are collected."""
