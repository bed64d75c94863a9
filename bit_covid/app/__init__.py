# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The page: drop a scan, scroll through it, see what the network makes of it.

One process, one network, one scan at a time. What is uploaded is in memory or
in a private temporary folder, and goes when the page is closed.
"""
