# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The operations of the network: a plain reference of each, and a fast form."""
