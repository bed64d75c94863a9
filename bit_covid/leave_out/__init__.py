# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Trains a network again without some patients, to see what it owes to them."""
