# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A scan scored by a network: probabilities, tables and pages."""
